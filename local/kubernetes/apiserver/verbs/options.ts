/** The options that requests carry in their query, and the refusal of wrong ones. */
import {
  badRequest,
  type FieldError,
  internal,
  invalid,
  notSupported,
  required,
  type StatusError,
  tooLong,
} from '../errors.ts';

const META = 'meta.k8s.io';

export interface WriteOptions {
  dryRun: boolean;
  fieldManager: string;
  fieldValidation: 'Ignore' | 'Warn' | 'Strict';
  force: boolean;
}

function dryRunFaults(values: string[]): FieldError[] {
  if (values.every((value) => value === 'All')) return [];
  const shown = `[${values.map((value) => JSON.stringify(value)).join(',')}]`;
  return [{ type: 'NotSupported', field: 'dryRun', message: `Unsupported value: ${shown}: supported values: "All"` }];
}

/** Options of create, update, patch and apply. Throws 422 of the options' kind. */
export function writeOptions(
  query: URLSearchParams,
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
  userAgent: string | undefined,
  apply = false,
): WriteOptions {
  const faults: FieldError[] = [];
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  const fieldManager = query.get('fieldManager') ?? '';
  const validation = query.get('fieldValidation') ?? '';
  const force = query.get('force') === 'true' || query.get('force') === '1';
  if (kind === 'PatchOptions') {
    if (!apply && query.has('force'))
      faults.push({
        type: 'Forbidden',
        field: 'force',
        message: 'Forbidden: may not be specified for non-apply patch',
      });
    if (apply && fieldManager === '') faults.push(required('fieldManager', 'is required for apply patch'));
  }
  if (fieldManager.length > 128) faults.push(tooLong('fieldManager', 128));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what may not be printed is what is looked for.
  const unprintable = /[\u0000-\u001f\u007f]/.exec(fieldManager);
  if (unprintable)
    faults.push({
      type: 'Invalid',
      field: 'fieldManager',
      message: `Invalid value: ${JSON.stringify(fieldManager)}: should only contain printable characters`,
    });
  faults.push(...dryRunFaults(dryRun));
  if (!['', 'Ignore', 'Strict', 'Warn'].includes(validation))
    faults.push(notSupported('fieldValidation', validation, ['', 'Ignore', 'Strict', 'Warn']));
  if (faults.length) throw invalid({ group: META, kind }, '', faults);
  return {
    dryRun: dryRun.length > 0,
    fieldManager: fieldManager || (userAgent ?? 'unknown').split('/')[0]!.slice(0, 128) || 'unknown',
    fieldValidation: (validation || 'Warn') as WriteOptions['fieldValidation'],
    force,
  };
}

export interface DeleteOptions {
  dryRun: boolean;
  gracePeriodSeconds: number | undefined;
  propagationPolicy: string | undefined;
  preconditions: { uid?: string; resourceVersion?: string } | undefined;
}

interface RawDeleteOptions {
  dryRun?: string[];
  gracePeriodSeconds?: number;
  propagationPolicy?: string;
  orphanDependents?: boolean;
  preconditions?: { uid?: string; resourceVersion?: string };
}

/** From the body or, without one, from the query; never both. */
export function deleteOptions(query: URLSearchParams, body: RawDeleteOptions | undefined): DeleteOptions {
  const grace = query.get('gracePeriodSeconds');
  if (!body && grace !== null && !/^-?\d+$/.test(grace))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`);
  const orphan = query.get('orphanDependents');
  const raw: RawDeleteOptions = body ?? {
    dryRun: query.getAll('dryRun').filter((value) => value !== ''),
    ...(grace !== null && { gracePeriodSeconds: Number(grace) }),
    ...(query.get('propagationPolicy') && { propagationPolicy: query.get('propagationPolicy')! }),
    ...(orphan && { orphanDependents: orphan === 'true' }),
  };
  const faults: FieldError[] = [];
  if (raw.propagationPolicy !== undefined && raw.orphanDependents !== undefined) {
    faults.push({
      type: 'Invalid',
      field: 'propagationPolicy',
      message: `Invalid value: ${JSON.stringify(raw.propagationPolicy)}: orphanDependents and deletionPropagation cannot be both set`,
    });
  }
  if (raw.propagationPolicy && !['Foreground', 'Background', 'Orphan'].includes(raw.propagationPolicy)) {
    faults.push(
      notSupported('propagationPolicy', raw.propagationPolicy, ['Foreground', 'Background', 'Orphan', 'nil']),
    );
  }
  faults.push(...dryRunFaults(raw.dryRun ?? []));
  if (faults.length) throw invalid({ group: META, kind: 'DeleteOptions' }, '', faults);
  return {
    dryRun: (raw.dryRun ?? []).length > 0,
    gracePeriodSeconds: raw.gracePeriodSeconds ?? undefined,
    propagationPolicy:
      raw.propagationPolicy ??
      (raw.orphanDependents === undefined ? undefined : raw.orphanDependents ? 'Orphan' : 'Background'),
    preconditions: raw.preconditions,
  };
}

export interface ListOptions {
  limit: number;
  continue: string;
  resourceVersion: string;
  match: string;
  timeoutSeconds: number | undefined;
  bookmarks: boolean;
  sendInitialEvents: boolean | undefined;
}

const isTrue = (value: string | null): boolean => value === 'true' || value === '1' || value === '';

/** Options of list and watch. Throws 422 or 400. */
export function listOptions(query: URLSearchParams, watch: boolean): ListOptions {
  const integer = (name: string): number | undefined => {
    const value = query.get(name);
    if (value === null || value === '') return undefined;
    if (!/^[+-]?\d+$/.test(value))
      throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    return Number(value);
  };
  const options: ListOptions = {
    limit: integer('limit') ?? 0,
    continue: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    match: query.get('resourceVersionMatch') ?? '',
    timeoutSeconds: integer('timeoutSeconds'),
    bookmarks: query.has('allowWatchBookmarks') && isTrue(query.get('allowWatchBookmarks')),
    sendInitialEvents: query.has('sendInitialEvents') ? isTrue(query.get('sendInitialEvents')) : undefined,
  };
  const faults: FieldError[] = [];
  const { match, resourceVersion, sendInitialEvents } = options;
  const forbid = (field: string, why: string) =>
    faults.push({ type: 'Forbidden', field, message: `Forbidden: ${why}` });
  if (watch) {
    if (match && sendInitialEvents === undefined)
      forbid(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      );
    if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
      if (match === '')
        forbid('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
      else faults.push(notSupported('resourceVersionMatch', match, ['NotOlderThan']));
    }
  } else {
    if (match) {
      if (resourceVersion === '')
        forbid('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided');
      if (options.continue)
        forbid('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided');
      if (!['Exact', 'NotOlderThan'].includes(match))
        faults.push(notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']));
      if (match === 'Exact' && resourceVersion === '0')
        forbid('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
    }
    if (sendInitialEvents !== undefined) forbid('sendInitialEvents', 'sendInitialEvents is forbidden for list');
  }
  if (faults.length) throw invalid({ group: META, kind: 'ListOptions' }, '', faults);
  return options;
}

/** A resource version in a query; `code` is the failure that a malformed one gives (TRAPS: it differs by verb). */
export function versionNumber(text: string, wrong: (message: string) => StatusError = internal): number {
  if (text === '' || text === '0') return 0;
  if (!/^\d+$/.test(text)) throw wrong(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}
