/** The adapter of stream consumers: records one after the other, a failed one is reported so that only it and what follows come again. */
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { type Change, type StreamRecord, toChange } from '#core/store/change.ts';
import type { Deps } from './deps.ts';

/** `react` must bear repeats: a stream delivers at least once. */
export const stream =
  (deps: Pick<Deps, 'log'>, react: (change: Change) => Promise<void>) =>
  async (event: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> => {
    for (const record of event.Records) {
      const change = read(deps, record);
      if (change === null) continue;
      try {
        await react(change);
      } catch (error) {
        deps.log.error('a change could not be handled', { entity: change.entity, error: error as Error });
        return { batchItemFailures: [{ itemIdentifier: record.dynamodb?.SequenceNumber ?? '' }] };
      }
    }
    return { batchItemFailures: [] };
  };

/** A record that cannot be read never will be: it is logged and passed over, so that it blocks nothing. */
const read = (deps: Pick<Deps, 'log'>, record: DynamoDBRecord): Change | null => {
  try {
    return toChange(record as StreamRecord);
  } catch (error) {
    deps.log.error('a record could not be read', { eventID: record.eventID, error: error as Error });
    return null;
  }
};
