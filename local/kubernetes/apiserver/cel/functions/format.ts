/** Named formats of Kubernetes in CEL: `format.dns1123Label().validate(text)` answers what is wrong with a text, or nothing. */
import { type Environment, Optional } from '@marcbachmann/cel-js';

interface Rule {
  pattern: RegExp;
  max?: number;
  text: string;
}

const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const dns1035 =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const qualified =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const labelValue =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const RULES: Record<string, Rule> = {
  dns1123Label: { pattern: DNS_LABEL, max: 63, text: label },
  dns1123Subdomain: { pattern: DNS_SUBDOMAIN, max: 253, text: subdomain },
  dns1035Label: { pattern: /^[a-z]([-a-z0-9]*[a-z0-9])?$/, max: 63, text: dns1035 },
  dns1123LabelPrefix: { pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?-?$/, max: 63, text: label },
  dns1123SubdomainPrefix: {
    pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*[-.]?$/,
    max: 253,
    text: subdomain,
  },
  dns1035LabelPrefix: { pattern: /^[a-z]([-a-z0-9]*[a-z0-9])?-?$/, max: 63, text: dns1035 },
  qualifiedName: {
    pattern:
      /^(([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)\/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$/,
    text: qualified,
  },
  labelValue: { pattern: /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/, max: 63, text: labelValue },
  uri: { pattern: /^([a-z][a-z0-9+.-]*:\S+|\/\S*)$/i, text: 'invalid URI for request' },
  uuid: {
    pattern: /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i,
    text: 'does not match the UUID format',
  },
  byte: { pattern: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, text: 'invalid base64' },
  date: { pattern: /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, text: 'invalid date' },
  datetime: { pattern: /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/, text: 'invalid datetime' },
};

class FormatValue {
  readonly rule: Rule;
  constructor(rule: Rule) {
    this.rule = rule;
  }
  equals(other: unknown): boolean {
    return other instanceof FormatValue && other.rule === this.rule;
  }
  faults(text: string): string[] {
    const { pattern, max, text: said } = this.rule;
    return [
      ...(max !== undefined && text.length > max ? [`must be no more than ${max} characters`] : []),
      ...(pattern.test(text) ? [] : [said]),
    ];
  }
}

class FormatNamespace {}
const TYPE = 'kubernetes.NamedFormat';

export function registerFormat(environment: Environment): Environment {
  environment
    .registerType(TYPE, FormatValue)
    .registerOperator(`${TYPE} == ${TYPE}`, (a: FormatValue, b: FormatValue) => a.equals(b))
    .registerType('FormatNamespace', FormatNamespace)
    .registerConstant('format', 'FormatNamespace', new FormatNamespace())
    .registerFunction(`FormatNamespace.named(string): optional<${TYPE}>`, (_: unknown, name: string) =>
      Object.hasOwn(RULES, name) ? Optional.of(new FormatValue(RULES[name]!)) : Optional.none(),
    )
    .registerFunction(`${TYPE}.validate(string): optional<list<string>>`, (format: FormatValue, text: string) => {
      const faults = format.faults(text);
      return faults.length ? Optional.of(faults) : Optional.none();
    });
  for (const [name, rule] of Object.entries(RULES))
    environment.registerFunction(`FormatNamespace.${name}(): ${TYPE}`, () => new FormatValue(rule));
  return environment;
}
