/**
 * Strings that a pattern probably matches. A guess: whoever uses one asks the evaluator. Covers what people write
 * (literals, classes, groups, alternatives, repetition); for the rest there is none.
 */
export function patternSamples(source: string): string[] {
  const samples = new Set<string>();
  for (const choice of [0, 1]) {
    const reader = new Reader(source, choice);
    const text = reader.alternatives();
    if (text !== null && reader.atEnd()) samples.add(text);
  }
  return [...samples];
}

const maxRepeats = 64;
const classSamples: Readonly<Record<string, string>> = { d: '0', w: 'a', s: ' ', D: 'a', W: '-', S: 'a' };
const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v', a: '\x07' };

/** Walks a pattern and writes one string for it; `choice` picks among alternatives and optional parts. */
class Reader {
  private at = 0;

  constructor(
    private readonly source: string,
    private readonly choice: number,
  ) {}

  atEnd(): boolean {
    return this.at >= this.source.length;
  }

  alternatives(): string | null {
    const texts: string[] = [];
    for (;;) {
      const text = this.sequence();
      if (text === null) return null;
      texts.push(text);
      if (this.source[this.at] !== '|') break;
      this.at += 1;
    }
    return texts[Math.min(this.choice, texts.length - 1)] as string;
  }

  private sequence(): string | null {
    let text = '';
    while (!this.atEnd() && this.source[this.at] !== '|' && this.source[this.at] !== ')') {
      const part = this.part();
      if (part === null) return null;
      text += this.repeated(part);
    }
    return text;
  }

  private part(): string | null {
    const character = this.next();
    switch (character) {
      case '^':
      case '$':
        return '';
      case '.':
        return 'a';
      case '(':
        return this.group();
      case '[':
        return this.characterClass();
      case '\\':
        return this.escape();
      default:
        return character;
    }
  }

  private group(): string | null {
    const flags = /^\?(?:P?<[A-Za-z_]\w*>|[imsU-]*:)/.exec(this.source.slice(this.at));
    const alone = /^\?[imsU-]+\)/.exec(this.source.slice(this.at));
    if (alone !== null) {
      this.at += alone[0].length;
      return '';
    }
    if (flags !== null) this.at += flags[0].length;
    const text = this.alternatives();
    if (text === null || this.next() !== ')') return null;
    return text;
  }

  private escape(): string | null {
    const character = this.next();
    if (character === '') return null;
    if ('bBAzZ'.includes(character)) return '';
    if (Object.hasOwn(classSamples, character)) return classSamples[character] as string;
    if (Object.hasOwn(escapes, character)) return escapes[character] as string;
    const hex =
      character === 'x' ? /^(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(this.source.slice(this.at)) : null;
    if (hex !== null) {
      this.at += hex[0].length;
      const code = Number.parseInt((hex[1] ?? hex[2]) as string, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : null;
    }
    return /[A-Za-z0-9]/.test(character) ? null : character;
  }

  private characterClass(): string | null {
    const body = /^(\^?)((?:\\.|\[:\^?\w+:\]|[^\]\\])(?:\\.|\[:\^?\w+:\]|[^\]\\])*)\]/s.exec(
      this.source.slice(this.at),
    );
    if (body === null) return null;
    this.at += body[0].length;
    // The JavaScript class is close enough for a guess.
    const text = (body[2] as string)
      .replaceAll('[:alpha:]', 'A-Za-z')
      .replaceAll('[:digit:]', '0-9')
      .replaceAll('[:alnum:]', 'A-Za-z0-9');
    try {
      const test = new RegExp(`[${body[1]}${text.replaceAll('[', '\\[')}]`);
      return [...'abzABZ019-_.@/ :~!+#%\u00e9'].find((character) => test.test(character)) ?? firstOf(text);
    } catch {
      return null;
    }
  }

  private repeated(part: string): string {
    const repeat = /^(?:([*+?])|\{(\d+)(?:,(\d*))?\})\??/.exec(this.source.slice(this.at));
    if (repeat === null) return part;
    this.at += repeat[0].length;
    const least = repeat[1] === '+' ? 1 : repeat[1] === undefined ? Number(repeat[2]) : this.choice;
    return part.repeat(Math.min(least, maxRepeats * 16));
  }

  private next(): string {
    const code = this.source.codePointAt(this.at);
    if (code === undefined) return '';
    const character = String.fromCodePoint(code);
    this.at += character.length;
    return character;
  }
}

function firstOf(text: string): string | null {
  const character = [...text].find((each) => each !== '\\');
  return character ?? null;
}
