/** Regular expressions of Go (RE2) for those of JavaScript. */

const CLASSES: Record<string, string> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

const compiled = new Map<string, RegExp>();

/** Throws SyntaxError for what is no expression of RE2, such as one with a look-around. */
export function re2(pattern: string): RegExp {
  const known = compiled.get(pattern);
  if (known) return known;
  if (/\(\?<?[=!]/.test(pattern))
    throw new SyntaxError(`error parsing regexp: invalid or unsupported Perl syntax: \`(?\``);
  const flags = /^\(\?([ims]+)\)/.exec(pattern);
  const source = pattern
    .slice(flags?.[0].length ?? 0)
    .replace(/\(\?P</g, '(?<')
    .replace(/\\A/g, '^')
    .replace(/\\z/g, '$')
    .replace(/\[:(\^?)(\w+):\]/g, (all, _not, name) => CLASSES[name] ?? all)
    .replace(/\\p([A-Z])(?!\{)/g, '\\p{$1}');
  let found: RegExp | undefined;
  // What the mode `u` finds too lax (`\-` outside of a class) is taken without it.
  for (const mode of ['u', '']) {
    try {
      found ??= new RegExp(source, `${flags?.[1] ?? ''}${mode}`);
    } catch {
      // The next mode.
    }
  }
  if (!found) throw new SyntaxError(`error parsing regexp: ${pattern}`);
  if (compiled.size > 1000) compiled.clear();
  compiled.set(pattern, found);
  return found;
}
