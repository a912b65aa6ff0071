/**
 * Who is who when people are counted. Owners of keys and members are people by their names, and one person under two
 * spellings must not be two: neither other letter case, spaces or characters that do not show make a second one, nor
 * letters of another script that look the same.
 */
export function samePerson(a: string, b: string): boolean {
  const [first, second] = [looksOf(a), looksOf(b)];
  return first.capital === second.capital || first.small === second.small;
}

/**
 * How a name looks in capitals and in small letters, look-alikes written in Latin. Two names are one person when either
 * is equal: a Greek nu looks like an N as a capital and like a v as a small letter.
 */
export function looksOf(name: string): { readonly capital: string; readonly small: string } {
  const shown = name.replaceAll(/[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu, '').normalize('NFKC');
  // U+2800 is a blank that is no white space. Upper case first, for letters that have several lower cases.
  const capitals = shown
    .replaceAll(/[\s\u2800]+/gu, ' ')
    .replaceAll(/[\p{Dash_Punctuation}\u02d7\u2043\u2212]/gu, '-')
    .replaceAll(/[`\u02b9\u02bb-\u02bd\u02c8\u2018-\u201b\u2032\ua78c]/gu, "'")
    .trim()
    .toUpperCase();
  return { capital: inLatin(capitals, capitalLookAlikes), small: inLatin(capitals.toLowerCase(), smallLookAlikes) };
}

/** Marks above and below letters are told apart: taken off for the comparison, and put back. */
function inLatin(text: string, lookAlikes: ReadonlyMap<string, string>): string {
  return Array.from(text.normalize('NFD'), (letter) => lookAlikes.get(letter) ?? letter)
    .join('')
    .normalize('NFC');
}

/**
 * After the confusables of Unicode Technical Standard 39, for the scripts whose letters pass for Latin ones: Cyrillic, Greek,
 * Armenian, Cherokee, Lisu, and Latin beyond ASCII. Digits stay what they are: organisations really call two people `ann1` and `annl`.
 */
const capitalLookAlikes = lookAlikeMap({
  A: 'АΑᴀᎪꓮ',
  B: 'ВΒʙᏴꓐ',
  C: 'СϹᴄᏟꓚ',
  D: 'ᴅᎠꓓ',
  E: 'ЕΕᴇᎬꓰ',
  F: 'Ϝꜰꓝ',
  G: 'ԌɢᏀꓖ',
  H: 'НΗʜᎻꓧ',
  I: 'ІΙӀꞮɪꓲ',
  J: 'ЈͿᴊᎫꓙ',
  K: 'КΚᴋᏦꓗ',
  L: 'ԼʟᏞꓡ',
  M: 'МΜϺᴍᎷꓟ',
  N: 'Νɴꓠ',
  O: 'ОΟՕᴏꓳ',
  P: 'РΡᴘᏢꓑ',
  Q: 'Ԛ',
  R: 'Ʀʀꓣ',
  S: 'ЅՏꜱᏚꓢ',
  T: 'ТΤᴛᎢꓔ',
  U: 'Սᴜꓴ',
  V: 'ѴᴠᏙꓦ',
  W: 'ԜᴡᎳꓪ',
  X: 'ХΧꓫ',
  Y: 'ҮΥУʏꓬ',
  Z: 'ΖᴢᏃꓜ',
});
const smallLookAlikes = lookAlikeMap({
  a: 'аαɑ',
  b: 'ьƅ',
  c: 'сϲ',
  d: 'ԁ',
  e: 'еҽ',
  f: 'ք',
  g: 'ɡց',
  h: 'һհ',
  i: 'іιıɩ',
  j: 'јϳ',
  k: 'кκ',
  l: 'ӏ',
  m: 'м',
  n: 'ոռпη',
  o: 'оοօσ',
  p: 'рρ',
  q: 'ԛզգ',
  r: 'г',
  s: 'ѕ',
  t: 'тτ',
  u: 'սυ',
  v: 'ѵν',
  w: 'ԝѡω',
  x: 'хχ',
  y: 'уүγ',
});

function lookAlikeMap(table: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(table).flatMap(([latin, others]) => Array.from(others, (letter) => [letter, latin] as const)),
  );
}
