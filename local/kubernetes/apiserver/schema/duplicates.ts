/** Finds keys that stand twice in one JSON object, which `JSON.parse` hides. */

/** Paths of the repeated keys (`data`, `spec.containers[0].name`), in the order of the text. The text must be well-formed JSON; other texts give nothing. */
export function duplicateKeys(text: string): string[] {
  const found: string[] = [];
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
  const value = (path: string): void => {
    blank();
    const first = text[at];
    if (first === '{') {
      const keys = new Set<string>();
      at++;
      blank();
      while (text[at] !== '}') {
        blank();
        const key = string();
        const own = path ? `${path}.${key}` : key;
        if (keys.has(key)) found.push(own);
        keys.add(key);
        blank();
        at++;
        value(own);
        blank();
        if (text[at] === ',') at++;
        else if (text[at] !== '}') throw new SyntaxError('object');
      }
      at++;
    } else if (first === '[') {
      at++;
      blank();
      for (let i = 0; text[at] !== ']'; i++) {
        value(`${path}[${i}]`);
        blank();
        if (text[at] === ',') at++;
        else if (text[at] !== ']') throw new SyntaxError('array');
      }
      at++;
    } else if (first === '"') string();
    else {
      while (at < text.length && !/[,\]}\s]/.test(text[at]!)) at++;
    }
  };
  if (!text.trimStart().startsWith('{')) return [];
  try {
    value('');
  } catch {
    return [];
  }
  return found;
}
