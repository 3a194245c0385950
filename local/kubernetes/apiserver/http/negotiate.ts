/** What form of answer the client accepts. */
import { StatusError } from '../errors.ts';

export interface Form {
  media: 'json' | 'yaml';
  /** Set when the client asks for another shape of the object. */
  as?: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';
  version?: string;
  pretty: boolean;
}

const SHAPES = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);
const SUPPORTED =
  '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf';

/** Throws 406 when nothing that the client accepts is spoken here. */
export function negotiate(accept: string | undefined, query: URLSearchParams): Form {
  const pretty = query.has('pretty') && query.get('pretty') !== 'false' && query.get('pretty') !== '0';
  if (!accept) return { media: 'json', pretty };
  for (const entry of accept.split(',')) {
    const [type = '', ...params] = entry.split(';').map((part) => part.trim());
    const media = { 'application/json': 'json', 'application/yaml': 'yaml', '*/*': 'json', 'application/*': 'json' }[
      type
    ] as Form['media'] | undefined;
    if (media === undefined) continue;
    const values = Object.fromEntries(params.map((param) => param.split('=') as [string, string]));
    const as = values.as;
    if (as === undefined) return { media, pretty };
    const known = SHAPES.has(as) && values.g === 'meta.k8s.io' && ['v1', 'v1beta1'].includes(values.v ?? '');
    if (known) return { media, pretty, as: as as Exclude<Form['as'], undefined>, version: values.v! };
  }
  throw new StatusError(406, 'NotAcceptable', SUPPORTED, {});
}
