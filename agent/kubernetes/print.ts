/** A short print of what an object says, so that a change by anybody is seen without keeping the object (pure). */
import { hash } from 'node:crypto';

/** JSON with sorted keys: equal for equal content, whatever the order of fields. */
export const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`;
};

/** 96 bits of the SHA-256 of the content. */
export const hashOf = (value: unknown): string => hash('sha256', canonical(value), 'base64url').slice(0, 16);

const OURS = 'roadstead.dev/';

interface Printed {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/**
 * Of everything but the status and what the server and other tools keep in the metadata: labels count, of the annotations only ours.
 * Two answers of one server for an object that nobody changed have the same print, defaults included.
 */
export const printOf = ({ metadata, status: _, apiVersion: _v, kind: _k, ...content }: Printed): string => {
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) => key.startsWith(OURS));
  return hashOf({ content, labels: metadata.labels ?? {}, annotations: Object.fromEntries(annotations) });
};
