/** Getting one batch of stream records through a function: retries, bisecting, partial failures, age, giving up. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Invoked } from '#local/plugin.ts';

/** A stream record as a function gets it; only what is looked at here is typed. */
export interface StreamRecord {
  readonly dynamodb: { readonly SequenceNumber: string; readonly ApproximateCreationDateTime: number };
}

export interface BatchPolicy {
  readonly bisect: boolean;
  readonly reportFailures: boolean;
  /** -1: until the record expires. */
  readonly retries: number;
  /** -1: a day, as long as the stream keeps it. */
  readonly maxAgeSeconds: number;
}

export interface BatchDeps<R extends StreamRecord> {
  readonly policy: BatchPolicy;
  invoke(records: readonly R[]): Promise<Invoked>;
  /** Records that are given up; `condition` as in Lambda's failure record. */
  giveUp(
    records: readonly R[],
    condition: 'RetryAttemptsExhausted' | 'MaximumRecordAgeExceeded',
    last: Invoked,
    attempts: number,
  ): Promise<void>;
  now(): number;
  readonly signal: AbortSignal;
  /** Before the first retry, doubling to ten times that. */
  readonly backoffMs: number;
}

const DAY_SECONDS = 86_400;

/** The index of the first record to try again, or undefined when all are done with. */
function firstFailure(
  records: readonly StreamRecord[],
  { payload, functionError }: Invoked,
  report: boolean,
): number | undefined {
  if (functionError) return 0;
  const failures: unknown = report ? payload?.batchItemFailures : undefined;
  if (!Array.isArray(failures) || failures.length === 0) return undefined;
  const places = failures.map((one) =>
    records.findIndex(({ dynamodb }) => dynamodb.SequenceNumber === one?.itemIdentifier),
  );
  // An identifier that is none of the batch's makes the whole batch a failure.
  return places.includes(-1) ? 0 : Math.min(...places);
}

/** Resolves when every record is done with or given up; rejects only when `signal` aborts. */
export async function runBatch<R extends StreamRecord>(deps: BatchDeps<R>, batch: readonly R[]): Promise<void> {
  const { policy, signal } = deps;
  const maxAge = policy.maxAgeSeconds < 0 ? DAY_SECONDS : policy.maxAgeSeconds;
  let records = batch;
  let last: Invoked = { payload: null };
  for (let attempt = 0; records.length > 0; ) {
    signal.throwIfAborted();
    const isOld = ({ dynamodb }: R): boolean => deps.now() / 1000 - dynamodb.ApproximateCreationDateTime > maxAge;
    const old = records.filter(isOld);
    if (old.length > 0) {
      await deps.giveUp(old, 'MaximumRecordAgeExceeded', last, attempt);
      records = records.filter((one) => !old.includes(one));
      continue;
    }
    last = await deps.invoke(records);
    const failure = firstFailure(records, last, policy.reportFailures);
    if (failure === undefined) return;
    signal.throwIfAborted();
    const progressed = failure > 0;
    records = records.slice(failure);
    if (policy.bisect && records.length > 1) {
      // Halving does not count as a retry; each half has its own.
      const half = Math.ceil(records.length / 2);
      await delay(deps.backoffMs, undefined, { signal });
      await runBatch(deps, records.slice(0, half));
      return runBatch(deps, records.slice(half));
    }
    if (progressed) attempt = 0;
    if (policy.retries >= 0 && attempt >= policy.retries)
      return deps.giveUp(records, 'RetryAttemptsExhausted', last, attempt + 1);
    await delay(Math.min(deps.backoffMs * 2 ** attempt, deps.backoffMs * 10), undefined, { signal });
    attempt += 1;
  }
}
