/** Sets of small integers (the cells of a field), as bits; never changed once made. */
export type Mask = Int32Array;

/** The set of the members below `size` that satisfy the predicate. */
export function maskOf(size: number, has: (member: number) => boolean): Mask {
  const mask = new Int32Array(Math.max(1, (size + 31) >>> 5));
  for (let i = 0; i < size; i++) if (has(i)) mask[i >>> 5] = (mask[i >>> 5] as number) | (1 << (i & 31));
  return mask;
}

export function has(mask: Mask, member: number): boolean {
  return ((mask[member >>> 5] as number) & (1 << (member & 31))) !== 0;
}

export function isEmpty(mask: Mask): boolean {
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) return false;
  return true;
}

export function intersects(a: Mask, b: Mask): boolean {
  for (let i = 0; i < a.length; i++) if (((a[i] as number) & (b[i] as number)) !== 0) return true;
  return false;
}

/** Whether the three have a member in common. */
export function meet3(a: Mask, b: Mask, c: Mask): boolean {
  for (let i = 0; i < a.length; i++) if (((a[i] as number) & (b[i] as number) & (c[i] as number)) !== 0) return true;
  return false;
}

export function isSubset(a: Mask, b: Mask): boolean {
  for (let i = 0; i < a.length; i++) if (((a[i] as number) & ~(b[i] as number)) !== 0) return false;
  return true;
}

/** The first set itself where it lies within the second. */
export function intersection(a: Mask, b: Mask): Mask {
  if (isSubset(a, b)) return a;
  const mask = new Int32Array(a.length);
  for (let i = 0; i < a.length; i++) mask[i] = (a[i] as number) & (b[i] as number);
  return mask;
}

export function union(a: Mask, b: Mask): Mask {
  const mask = new Int32Array(a.length);
  for (let i = 0; i < a.length; i++) mask[i] = (a[i] as number) | (b[i] as number);
  return mask;
}

/** The first set itself where they have nothing in common. */
export function difference(a: Mask, b: Mask): Mask {
  if (!intersects(a, b)) return a;
  const mask = new Int32Array(a.length);
  for (let i = 0; i < a.length; i++) mask[i] = (a[i] as number) & ~(b[i] as number);
  return mask;
}

export function without(a: Mask, member: number): Mask {
  const mask = a.slice();
  mask[member >>> 5] = (mask[member >>> 5] as number) & ~(1 << (member & 31));
  return mask;
}

/** The members, ascending. */
export function membersOf(mask: Mask): number[] {
  const members: number[] = [];
  for (let word = 0; word < mask.length; word++) {
    let bits = mask[word] as number;
    while (bits !== 0) {
      const low = bits & -bits;
      members.push(word * 32 + 31 - Math.clz32(low));
      bits ^= low;
    }
  }
  return members;
}
