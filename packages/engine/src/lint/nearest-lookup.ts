/**
 * Looks up what a word may have been meant to be, each word once and no more than `most` of them: bundles of thousands of
 * misspelled names would otherwise take their time for advice that nobody reads. Words beyond get no names.
 */
export function nearestLookup(
  most: number,
  find: (word: string) => readonly string[],
): (word: string) => readonly string[] {
  const known = new Map<string, readonly string[]>();
  return (word) => {
    let names = known.get(word);
    if (names === undefined) {
      if (known.size >= most) return [];
      names = find(word);
      known.set(word, names);
    }
    return names;
  };
}
