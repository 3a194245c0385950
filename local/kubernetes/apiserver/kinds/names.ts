/** How the names of objects may be formed. */

export type NameRule = 'subdomain' | 'label' | 'service' | 'path' | 'any';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

export const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
export const LABEL_TEXT =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/** What is wrong with a name; empty when nothing is. `prefix`: it is a generateName, whose end is still to come. */
export function nameFaults(rule: NameRule, given: string, prefix = false): string[] {
  const name = prefix ? `${given.replace(/-+$/, '')}${given.endsWith('-') ? 'a' : ''}` : given;
  const faults: string[] = [];
  switch (rule) {
    case 'subdomain':
      if (name.length > 253) faults.push('must be no more than 253 characters');
      if (!SUBDOMAIN.test(name)) faults.push(SUBDOMAIN_TEXT);
      return faults;
    case 'label':
    case 'service':
      if (rule === 'service' && name.includes('.')) return ['must not contain dots'];
      if (name.length > 63) faults.push('must be no more than 63 characters');
      if (!LABEL.test(name)) faults.push(LABEL_TEXT);
      return faults;
    case 'path':
      if (name === '.' || name === '..') faults.push(`may not be '${name}'`);
      if (name.includes('/')) faults.push("may not contain '/'");
      if (name.includes('%')) faults.push("may not contain '%'");
      return faults;
    case 'any':
      return faults;
  }
}

export const isSubdomain = (text: string): boolean => text.length <= 253 && SUBDOMAIN.test(text);

/** Letters that make no words, as Kubernetes ends generated names. */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

/** A generateName with five letters behind, cut so that it stays a label. */
export function generatedName(prefix: string): string {
  let suffix = '';
  for (const byte of crypto.getRandomValues(new Uint8Array(5))) suffix += SAFE[byte % SAFE.length];
  return `${prefix.slice(0, 58)}${suffix}`;
}
