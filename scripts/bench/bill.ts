/** What AWS would ask for: requests counted at the endpoint, at the list prices of docs/cost.md. Where a size is not known it is rounded up. */
import type { CallHooks, ObservedCall } from '#local/endpoint.ts';
import type { Invocation } from '#local/lambda/functions.ts';

/** Dollars each, us-east-1, on demand, arm64. */
const USD = {
  writeUnit: 0.625e-6,
  readUnit: 0.125e-6,
  invocation: 0.2e-6,
  gigabyteSecond: 13.3334e-6,
  transition: 25e-6,
  httpRequest: 1e-6,
  message: 1e-6,
  keyRequest: 3e-6,
} as const;

/** An invocation's share of memory and time: 512 MB, a warm one's 100 ms. The clock of this machine is not Lambda's, so it is not asked. */
const GIGABYTE_SECONDS = 0.05;
/** Of an execution: its start, and each state of the good path (two in the workflows of dev pods). */
const TRANSITIONS = 3;

export interface Bill {
  readonly transitions: number;
  readonly invocations: number;
  readonly httpRequests: number;
  readonly messages: number;
  readonly readUnits: number;
  readonly writeUnits: number;
  readonly keyRequests: number;
  readonly usd: number;
}

type Entry = Readonly<Record<string, unknown>>;
const KIB = 1024;
/** An entry of an index is taken away and written anew at most. */
const INDEX_UNITS = 2;

const unitsOfItem = (item: Entry): number => {
  const entry = Math.ceil(Buffer.byteLength(JSON.stringify(item)) / KIB);
  const indexes = Object.keys(item).filter((name) => /^gsi\dpk$/.test(name)).length;
  return entry + indexes * INDEX_UNITS * entry;
};

/** Write units of one item of a request; counters and markers are below 1 KiB. */
const unitsOf = (write: { readonly Item?: Entry; readonly UpdateExpression?: string }): number =>
  write.Item === undefined ? 1 + (/gsi/.test(write.UpdateExpression ?? '') ? INDEX_UNITS : 0) : unitsOfItem(write.Item);

const writeUnits = ({ operation, input }: ObservedCall): number => {
  if (operation !== 'TransactWriteItems') return /^(Put|Update|Delete)Item$/.test(operation) ? unitsOf(input) : 0;
  const items = (input as { TransactItems?: readonly Entry[] }).TransactItems ?? [];
  // A transaction prepares and commits each item: twice the units.
  return items.reduce((sum, item) => sum + 2 * unitsOf(Object.values(item)[0] as Entry), 0);
};

const readUnits = ({ operation, input }: ObservedCall): number => {
  if (operation !== 'BatchGetItem') return /^(GetItem|Query)$/.test(operation) ? 1 : 0;
  const tables = Object.values((input as { RequestItems?: Record<string, { Keys?: unknown[] }> }).RequestItems ?? {});
  return tables.reduce((sum, { Keys = [] }) => sum + Keys.length, 0);
};

export interface Meter {
  readonly call: CallHooks;
  readonly invoked: (it: Invocation) => void;
  /** What it came to since the last time it was asked. */
  take(): Bill;
}

export const createMeter = (): Meter => {
  const zero = () => ({
    transitions: 0,
    invocations: 0,
    httpRequests: 0,
    messages: 0,
    readUnits: 0,
    writeUnits: 0,
    keyRequests: 0,
  });
  let sums = zero();
  return {
    call: {
      after: (call) => {
        if (call.service === 'dynamodb') {
          sums.readUnits += readUnits(call);
          sums.writeUnits += writeUnits(call);
        }
        if (call.service === 'kms') sums.keyRequests += 1;
        if (call.operation === 'PostToConnection') sums.messages += 1;
        if (call.operation === 'StartExecution') sums.transitions += TRANSITIONS;
      },
    },
    invoked: ({ function: { logicalId } }) => {
      sums.invocations += 1;
      if (logicalId.startsWith('Http')) sums.httpRequests += 1;
      if (logicalId.startsWith('Socket')) sums.messages += 1;
    },
    take: () => {
      const taken = sums;
      sums = zero();
      const usd =
        taken.transitions * USD.transition +
        taken.invocations * (USD.invocation + GIGABYTE_SECONDS * USD.gigabyteSecond) +
        taken.httpRequests * USD.httpRequest +
        taken.messages * USD.message +
        taken.readUnits * USD.readUnit +
        taken.writeUnits * USD.writeUnit +
        taken.keyRequests * USD.keyRequest;
      return { ...taken, usd };
    },
  };
};
