/** Reads JSON in which a key stands twice as Go does: it says which, and puts maps together where `JSON.parse` keeps the last. */
import { isMap, type Json } from '../json.ts';

export interface WithRepeats {
  /** Paths of the repeated keys (`data`, `spec.containers[0].name`), in the order of the text. */
  repeated: string[];
  value: Json;
}

/** The text must be well-formed JSON of an object; others give nothing. */
export function readRepeats(text: string): WithRepeats | undefined {
  const repeated: string[] = [];
  let at = 0;
  const blank = () => {
    while (at < text.length && text.charCodeAt(at) <= 32) at++;
  };
  const string = (): string => {
    const from = at++;
    while (text[at] !== '"') {
      if (at >= text.length) throw new SyntaxError('end');
      at += text[at] === '\\' ? 2 : 1;
    }
    at++;
    return JSON.parse(text.slice(from, at));
  };
  const value = (path: string): Json => {
    blank();
    const first = text[at];
    if (first === '{') {
      const read = new Map<string, Json>();
      at++;
      blank();
      while (text[at] !== '}') {
        blank();
        const key = string();
        const own = path ? `${path}.${key}` : key;
        blank();
        at++;
        const before = read.get(key);
        if (read.has(key)) repeated.push(own);
        const now = value(own);
        read.set(key, isMap(before) && isMap(now) ? { ...before, ...now } : now);
        blank();
        if (text[at] === ',') at++;
        else if (text[at] !== '}') throw new SyntaxError('object');
      }
      at++;
      return Object.fromEntries(read);
    }
    if (first === '[') {
      const items: Json[] = [];
      at++;
      blank();
      while (text[at] !== ']') {
        items.push(value(`${path}[${items.length}]`));
        blank();
        if (text[at] === ',') at++;
        else if (text[at] !== ']') throw new SyntaxError('array');
      }
      at++;
      return items;
    }
    if (first === '"') return string();
    const from = at;
    while (at < text.length && !/[,\]}\s]/.test(text[at]!)) at++;
    return JSON.parse(text.slice(from, at));
  };
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    return { value: value(''), repeated };
  } catch {
    return undefined;
  }
}
