/** The values of a template's parameters: defaults, overridden by name, checked as CloudFormation would. */
import type { TemplateParameter } from './assembly.ts';

const shown = (value: unknown): string => JSON.stringify(value);

/** Why `value` is not allowed for the parameter, or nothing. */
function refusal(it: TemplateParameter, value: string): string | undefined {
  if (it.AllowedValues && !it.AllowedValues.map(String).includes(value))
    return `allowed are ${it.AllowedValues.map(shown).join(', ')}`;
  if (it.AllowedPattern && !new RegExp(`^(?:${it.AllowedPattern})$`).test(value))
    return `allowed is what matches ${it.AllowedPattern}`;
  if (it.Type !== 'Number') return undefined;
  if (value.trim() === '' || Number.isNaN(Number(value))) return 'a number is needed';
  if (it.MinValue !== undefined && Number(value) < it.MinValue) return `the smallest allowed is ${it.MinValue}`;
  if (it.MaxValue !== undefined && Number(value) > it.MaxValue) return `the largest allowed is ${it.MaxValue}`;
  return undefined;
}

/** Each parameter's value: a string, or strings for the list types. An override of a parameter that is not there is an error. */
export function parameterValues(
  parameters: Readonly<Record<string, TemplateParameter>>,
  overrides: Readonly<Record<string, string | number>>,
): Readonly<Record<string, string | readonly string[]>> {
  const strange = Object.keys(overrides).filter((name) => !Object.hasOwn(parameters, name));
  if (strange.length > 0)
    throw new Error(
      `the template has no parameter ${strange.join(', ')}; it has ${Object.keys(parameters).join(', ') || 'none'}`,
    );
  return Object.fromEntries(
    Object.entries(parameters).map(([name, it]) => {
      const given = overrides[name] ?? it.Default;
      if (given === undefined) throw new Error(`parameter ${name} has no default and was given no value`);
      const value = String(given);
      const why = refusal(it, value);
      if (why) throw new Error(`parameter ${name}: given ${shown(value)}; ${why}`);
      const list = it.Type === 'CommaDelimitedList' || it.Type.startsWith('List<');
      return [name, list ? value.split(',').map((one) => one.trim()) : value];
    }),
  );
}
