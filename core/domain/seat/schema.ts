/** A few words for writing the structural schemas of our custom resources; each field says what it is, so that `kubectl explain` teaches. */

export interface Schema {
  readonly type: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly [keyword: string]: unknown;
}

export interface CelRule {
  readonly rule: string;
  readonly message: string;
}

type More = Readonly<Record<string, unknown>>;

export const string = (description: string, more: More = {}): Schema => ({ type: 'string', description, ...more });
export const integer = (description: string, more: More = {}): Schema => ({
  type: 'integer',
  format: 'int64',
  description,
  ...more,
});
export const object = (description: string, properties: Readonly<Record<string, Schema>>, more: More = {}): Schema => ({
  type: 'object',
  description,
  ...more,
  properties,
});
/** A list whose items are told apart by `keys`. */
export const listBy = (keys: readonly string[], description: string, items: Schema, more: More = {}): Schema => ({
  type: 'array',
  description,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
  ...more,
  items,
});
export const rules = (...list: readonly CelRule[]) => ({ 'x-kubernetes-validations': list });
export const time = (description: string): Schema => string(description, { format: 'date-time' });

/** Conditions as Kubernetes has them. */
export const conditions = listBy(
  ['type'],
  'What holds of it at present, and why; Ready says why it is not running.',
  object(
    'One aspect of the state.',
    {
      type: string('The aspect, such as Ready.', { maxLength: 63 }),
      status: string('Whether it holds.', { enum: ['True', 'False', 'Unknown'] }),
      reason: string('Why, in one word for programs.', { maxLength: 63 }),
      message: string('Why, in a sentence for people.', { maxLength: 1024 }),
      observedGeneration: integer('The metadata.generation that this was said of.'),
      lastTransitionTime: time('When status last changed.'),
    },
    { required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'] },
  ),
  { maxItems: 12 },
);
