import { describe, expect, it } from 'vitest';
import { claimOf, personName, rolesBy } from './claims.js';

const grants = [
  { value: 'admins', role: 'admin', workspace: 'default' },
  { value: 'ops', role: 'operator', workspace: 'default' },
  { value: 'ops', role: 'viewer', workspace: 'payments' },
  { value: '*', role: 'viewer', workspace: 'default' },
] as const;

describe('roles by claims', () => {
  it.each([
    [['ops', 'admins'], { default: 'admin', payments: 'viewer' }],
    ['ops', { default: 'operator', payments: 'viewer' }],
    [[], { default: 'viewer' }],
    [undefined, { default: 'viewer' }],
    [{ admins: true }, { default: 'viewer' }],
    [['*'], { default: 'viewer' }],
    [['Admins', ' admins', ['admins']], { default: 'viewer' }],
    ['admins ops', { default: 'viewer' }],
  ])('%j gives %j', (claim, expected) => {
    expect(Object.fromEntries(rolesBy(grants, claim))).toEqual(expected);
  });

  it('are none without a grant that fits', () => {
    expect(rolesBy(grants.slice(0, 3), ['cooks']).size).toBe(0);
    expect(rolesBy([], ['admins']).size).toBe(0);
  });
});

describe('a claim', () => {
  const claims = { a: { b: { c: 1 } }, 'a.b': 2, list: [3], 'https://x.example/roles': 4 };
  it.each([
    ['a.b', 2],
    ['a.b.c', 1],
    ['https://x.example/roles', 4],
    ['list.0', 3],
    ['a.x', undefined],
    ['constructor', undefined],
    ['a.constructor', undefined],
    ['__proto__.toString', undefined],
    ['', undefined],
  ])('%s is %j', (name, value) => {
    expect(claimOf(claims, name)).toEqual(value);
  });
});

describe('the name of a person', () => {
  it.each([
    [{ email: 'ann@x.example', email_verified: true }, 'email', 'ann@x.example'],
    [{ email: 'ann@x.example', email_verified: 'true' }, 'email', null],
    [{ email: 'ann@x.example' }, 'email', null],
    [{ preferred_username: '  Ann Lee ' }, 'preferred_username', 'Ann Lee'],
    [{ preferred_username: '' }, 'preferred_username', null],
    [{ preferred_username: 'a\u0000b' }, 'preferred_username', null],
    [{ preferred_username: ['ann'] }, 'preferred_username', null],
    [{}, 'preferred_username', null],
  ])('%j by `%s` is %j', (claims, nameClaim, name) => {
    expect(personName(claims, nameClaim)).toBe(name);
  });
});
