/** ARNs of tables, indexes and streams, ours and DynamoDB Local's (which names its region `ddblocal`). */
import { ACCOUNT, REGION } from '#local/types.ts';

export const tableArn = (name: string): string => `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${name}`;

/** A table's name from its name or ARN. */
export const tableName = (nameOrArn: string): string => nameOrArn.replace(/^arn:[^/]*:table\//, '').split('/')[0]!;

const FOREIGN = /arn:aws:dynamodb:ddblocal:\d{12}:/g;

/** DynamoDB Local's ARNs in a text as ours. */
export const toOurArns = (text: string): string => text.replace(FOREIGN, `arn:aws:dynamodb:${REGION}:${ACCOUNT}:`);

/** Our ARN as DynamoDB Local's. */
export const toTheirArn = (arn: string): string => arn.replace(`:${REGION}:${ACCOUNT}:`, ':ddblocal:000000000000:');
