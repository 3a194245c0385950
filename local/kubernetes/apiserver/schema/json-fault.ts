/** Says what is wrong with a JSON text in the words of Go's decoder, which clients and people know. */

class Fault extends Error {}

const END = 'unexpected end of JSON input';
const BLANK = /[ \t\r\n]*/y;
const NUMBER = /-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;

/** The first fault; undefined for a well-formed text. */
export function jsonFault(text: string): string | undefined {
  let at = 0;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? '';
    at += found.length;
    return found;
  };
  const wrong = (where: string): Fault =>
    new Fault(
      at >= text.length ? END : `invalid character ${JSON.stringify(text[at]).replace(/^"|"$/g, "'")} ${where}`,
    );
  const string = (): void => {
    for (at++; text[at] !== '"'; at++) {
      if (at >= text.length || text[at]! < ' ') throw wrong('in string literal');
      if (text[at] !== '\\') continue;
      at++;
      if (text[at] === 'u') {
        for (let i = 0; i < 4; i++)
          if (!/[\da-fA-F]/.test(text[++at] ?? '')) throw wrong('in \\u hexadecimal character escape');
      } else if (!/["\\/bfnrt]/.test(text[at] ?? '')) throw wrong('in string escape code');
    }
    at++;
  };
  const items = (close: string, after: string, item: () => void): void => {
    at++;
    take(BLANK);
    if (text[at] === close) {
      at++;
      return;
    }
    for (;;) {
      item();
      take(BLANK);
      const next = text[at];
      if (next !== ',' && next !== close) throw wrong(after);
      at++;
      if (next === close) return;
    }
  };
  const value = (): void => {
    take(BLANK);
    const first = text[at];
    if (first === '{') {
      items('}', 'after object key:value pair', () => {
        take(BLANK);
        if (text[at] !== '"') throw wrong('looking for beginning of object key string');
        string();
        take(BLANK);
        if (text[at] !== ':') throw wrong('after object key');
        at++;
        value();
      });
    } else if (first === '[') items(']', 'after array element', value);
    else if (first === '"') string();
    else if (first !== undefined && /[-\d]/.test(first)) {
      if (take(NUMBER) === '') {
        at++;
        throw wrong('in numeric literal');
      }
    } else {
      const word = ['null', 'true', 'false'].find((one) => one[0] === first);
      if (word === undefined) throw wrong('looking for beginning of value');
      for (const letter of word) {
        if (text[at] !== letter) throw wrong(`in literal ${word} (expecting '${letter}')`);
        at++;
      }
    }
  };
  try {
    value();
    take(BLANK);
    if (at < text.length) throw wrong('after top-level value');
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}
