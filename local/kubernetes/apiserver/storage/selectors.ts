/** Label and field selectors as they stand in a query. */
import { badRequest } from '../errors.ts';

export interface Requirement {
  key: string;
  operator: '=' | '!=' | 'in' | 'notin' | 'exists' | '!exists' | 'gt' | 'lt';
  values: string[];
}

const NAME = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const NAME_TEXT =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_TEXT =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const SUBDOMAIN_TEXT =
  "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/** What is wrong with a label's key; empty when it is well formed. */
export function keyFaults(key: string): string[] {
  const parts = key.split('/');
  const faults: string[] = [];
  if (parts.length > 2) {
    return [
      "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')".replace(
        'a valid label key',
        'a qualified name',
      ),
    ];
  }
  const name = parts[parts.length - 1]!;
  if (parts.length === 2) {
    const prefix = parts[0]!;
    if (prefix === '') faults.push('prefix part must be non-empty');
    else if (!SUBDOMAIN.test(prefix)) faults.push(SUBDOMAIN_TEXT);
    else if (prefix.length > 253) faults.push('prefix part must be no more than 253 characters');
  }
  if (name === '') faults.push('name part must be non-empty');
  else if (name.length > 63) faults.push('name part must be no more than 63 bytes');
  if (!NAME.test(name)) faults.push(NAME_TEXT);
  return faults;
}

export function valueFaults(value: string): string[] {
  const faults: string[] = [];
  if (value.length > 63) faults.push('must be no more than 63 bytes');
  if (value !== '' && !NAME.test(value)) faults.push(VALUE_TEXT);
  return faults;
}

type Token = { text: string; at: number; kind: 'word' | 'op' | 'end' };

function tokens(text: string): Token[] {
  const out: Token[] = [];
  const pattern = /\s*(==|=|!=|!|<|>|\(|\)|,|[^\s=!<>(),]+)/y;
  let at = 0;
  while (at < text.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match) break;
    at = pattern.lastIndex;
    out.push({ text: match[1]!, at: at - match[1]!.length, kind: /^[=!<>(),]/.test(match[1]!) ? 'op' : 'word' });
  }
  out.push({ text: '', at: text.length, kind: 'end' });
  return out;
}

const unparsable = (why: string) => badRequest(`unable to parse requirement: ${why}`);

/** Parses `a=b,c in (d,e),!f`. Throws 400 with the real texts for the usual mistakes. */
export function parseLabelSelector(text: string): Requirement[] {
  const all = tokens(text);
  const found: Requirement[] = [];
  let i = 0;
  const next = () => all[i]!;
  const shown = (token: Token) => (token.kind === 'end' ? "''" : `'${token.text}'`);
  while (next().kind !== 'end') {
    let negated = false;
    if (next().text === '!') {
      negated = true;
      i++;
    }
    const key = next();
    if (key.kind !== 'word')
      throw unparsable(
        `found ${shown(key)}, expected: ${negated ? 'identifier' : "!, identifier, or 'end of string'"}`,
      );
    i++;
    const faults = keyFaults(key.text);
    if (faults.length) throw unparsable(`<nil>: Invalid value: "${key.text}": ${faults.join('; ')}`);
    const operator = next();
    if (negated || operator.kind === 'end' || operator.text === ',') {
      found.push({ key: key.text, operator: negated ? '!exists' : 'exists', values: [] });
    } else if (operator.text === 'in' || operator.text === 'notin') {
      i++;
      if (next().text !== '(') throw unparsable(`found ${shown(next())}, expected: '('`);
      i++;
      const values: string[] = [];
      while (next().text !== ')') {
        if (next().kind === 'end') throw unparsable("found '', expected: ',' or ')'");
        if (next().text === ',') {
          i++;
          continue;
        }
        if (next().kind !== 'word') throw unparsable(`found ${shown(next())}, expected: ',', ')' or identifier`);
        values.push(next().text);
        i++;
      }
      i++;
      found.push({ key: key.text, operator: operator.text, values: values.length ? values : [''] });
    } else if (['=', '==', '!=', '<', '>'].includes(operator.text)) {
      i++;
      let value = '';
      if (next().kind === 'word') {
        value = next().text;
        i++;
      } else if (next().kind !== 'end' && next().text !== ',') {
        throw unparsable(`found ${shown(next())}, expected: identifier`);
      }
      const names = { '=': '=', '==': '=', '!=': '!=', '<': 'lt', '>': 'gt' } as const;
      const op = names[operator.text as keyof typeof names];
      if ((op === 'lt' || op === 'gt') && !/^-?\d+$/.test(value)) {
        throw unparsable(
          `values[0]: Invalid value: "${value}": for 'Gt', 'Lt' operators, the value must be an integer`,
        );
      }
      found.push({ key: key.text, operator: op, values: [value] });
    } else {
      throw unparsable(`found ${shown(operator)}, expected: in, notin, =, ==, !=, gt, lt`);
    }
    const last = found[found.length - 1]!;
    for (const [n, value] of last.values.entries()) {
      const wrong = valueFaults(value);
      if (wrong.length) throw unparsable(`values[${n}][${last.key}]: Invalid value: "${value}": ${wrong.join('; ')}`);
    }
    if (next().kind === 'end') break;
    if (next().text !== ',') throw unparsable(`found ${shown(next())}, expected: ',' or 'end of string'`);
    i++;
    if (next().kind === 'end') throw unparsable("found '', expected: identifier after ','");
  }
  return found;
}

export function matchesLabels(requirements: Requirement[], labels: Record<string, string> = {}): boolean {
  return requirements.every(({ key, operator, values }) => {
    const value = labels[key];
    switch (operator) {
      case '=':
      case 'in':
        return value !== undefined && values.includes(value);
      case '!=':
      case 'notin':
        return value === undefined || !values.includes(value);
      case 'exists':
        return value !== undefined;
      case '!exists':
        return value === undefined;
      default: {
        if (value === undefined || !/^-?\d+$/.test(value)) return false;
        return operator === 'gt' ? Number(value) > Number(values[0]) : Number(value) < Number(values[0]);
      }
    }
  });
}

export interface FieldRequirement {
  field: string;
  value: string;
  equal: boolean;
}

/** Parses `metadata.name=a,status.phase!=Running`. */
export function parseFieldSelector(text: string): FieldRequirement[] {
  const found: FieldRequirement[] = [];
  for (const part of text.split(/(?<!\\),/)) {
    if (part === '') continue;
    const match = /^(.*?)(!=|==|=)(.*)$/.exec(part);
    if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    const value = match[3]!;
    const bad = /\\[^\\,=]|(?<!\\)=|\\$/.exec(value);
    if (bad) throw badRequest(`invalid field selector: invalid value '${value}'`);
    found.push({ field: match[1]!, equal: match[2] !== '!=', value: value.replace(/\\([\\,=])/g, '$1') });
  }
  return found;
}
