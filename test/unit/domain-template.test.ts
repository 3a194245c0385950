import { describe, expect, it } from 'vitest';
import { AppError } from '#core/contract/errors.ts';
import { isQuantity } from '#core/contract/quantity.ts';
import { SeatSpec } from '#core/contract/seat.ts';
import type { TemplateParameter } from '#core/contract/template.ts';
import { BUILTIN, type Given, parametersOf, resolveTemplate } from '#core/domain/templates.ts';

const given: Given = { parameters: {}, volumes: {}, git: {} };
const builtin = (name: string) => {
  const found = BUILTIN.get(name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};

/** What is said of one value of one parameter; null when it is taken. */
const said = (parameter: TemplateParameter, value: string | number | boolean): string | null => {
  try {
    parametersOf({ parameters: { it: parameter }, required: [] }, { it: value });
    return null;
  } catch (error) {
    return error instanceof AppError ? (error.errors?.[0]?.message ?? 'refused') : String(error);
  }
};

describe('the built-in templates', () => {
  it.each([...BUILTIN.keys()])('%s makes a seat that the contract takes', (name) => {
    const spec = SeatSpec.parse({
      origin: 'ControlPlane',
      owner: `acc_${'0'.repeat(26)}`,
      runState: 'Running',
      ...resolveTemplate(builtin(name), given),
    });
    expect(spec.image).toBe(`ghcr.io/roadstead/${name}:1`);
    expect(spec.volumes.every(({ size }) => isQuantity(size))).toBe(true);
  });

  it('are the five of the first marketplace; the seed’s has its three claims', () => {
    expect([...BUILTIN.keys()]).toEqual(['claude-terraform', 'node', 'python', 'go', 'gpu-notebook']);
    expect(builtin('claude-terraform').volumes.map(({ size, mounts }) => [size, mounts[0]?.mountPath])).toEqual([
      ['10Gi', '/workspace'],
      ['1Gi', '/commandhistory'],
      ['1Gi', '/home/node/.claude'],
    ]);
    expect(builtin('gpu-notebook')).toMatchObject({ profile: 'gpu', resources: { gpus: 1 } });
  });

  it('give way to what a person says', () => {
    const made = resolveTemplate(builtin('node'), {
      ...given,
      image: 'ghcr.io/example/mine:2',
      volumes: { home: '5Gi' },
      idleTimeoutSeconds: 0,
      git: { name: 'Ada' },
    });
    expect(made).toMatchObject({
      image: 'ghcr.io/example/mine:2',
      volumes: [{ name: 'home', size: '5Gi' }],
      idleTimeoutSeconds: 0,
      git: { name: 'Ada' },
      template: { name: 'node', version: '1' },
    });
  });
});

describe('parameters of a template', () => {
  it('become text, with defaults filled in and nothing for what was left out', () => {
    expect(
      parametersOf(
        {
          parameters: {
            count: { type: 'integer' },
            ratio: { type: 'number', default: 0.5 },
            debug: { type: 'boolean', default: false },
            note: { type: 'string' },
          },
          required: ['count'],
        },
        { count: 3 },
      ),
    ).toEqual({ count: '3', ratio: '0.5', debug: 'false' });
  });

  it.each<[string, TemplateParameter, string | number | boolean, string]>([
    ['a number for a text', { type: 'string' }, 1, 'must be of type string'],
    ['a text for a number', { type: 'number' }, '1', 'must be of type number'],
    ['a fraction for an integer', { type: 'integer' }, 1.5, 'must be of type integer'],
    ['what is not on the list', { type: 'string', enum: ['a', 'b'] }, 'c', 'must be one of a, b'],
    ['too little', { type: 'integer', minimum: 2 }, 1, 'must be at least 2'],
    ['too much', { type: 'number', maximum: 2 }, 2.1, 'must be at most 2'],
    ['too short a text', { type: 'string', minLength: 2 }, 'a', 'must have at least 2 characters'],
    ['too long a text', { type: 'string', maxLength: 1 }, 'ab', 'must have at most 1 characters'],
    ['another form', { type: 'string', pattern: '^[a-z]+$' }, 'A1', 'must match ^[a-z]+$'],
    ['a NUL', { type: 'string' }, 'a\0b', 'must not contain the character NUL'],
    ['no number at all', { type: 'number' }, Number.NaN, 'must be a finite number'],
  ])('refuse %s', (_, parameter, value, message) => {
    expect(said(parameter, value)).toBe(message);
  });

  it('of a pattern that would try for years are refused in a moment, and the next one is matched as ever', () => {
    const endless = { type: 'string', pattern: '^(a+)+$' } as const;
    expect(said(endless, `${'a'.repeat(64)}!`)).toContain('takes too long');
    expect(said(endless, 'aaa')).toBeNull();
  });

  it('take what fits', () => {
    expect(said({ type: 'integer', minimum: 1, maximum: 3, enum: [1, 3] }, 3)).toBeNull();
    expect(said({ type: 'string', pattern: '^a', minLength: 1, maxLength: 3 }, 'abc')).toBeNull();
    expect(said({ type: 'boolean' }, true)).toBeNull();
  });

  it('that were never there are named, whatever they are called', () => {
    const unknown = JSON.parse('{"__proto__":"x","constructor":"y"}');
    expect(() => parametersOf({ parameters: {}, required: [] }, unknown)).toThrow(
      expect.objectContaining({
        code: 'template.parameter_invalid',
        errors: [
          { path: 'parameters.__proto__', message: 'there is no such parameter; the template has none' },
          { path: 'parameters.constructor', message: 'there is no such parameter; the template has none' },
        ],
      }),
    );
  });
});
