/** Objects of the local S3: files under the state folder, with what HEAD tells of them beside. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACCOUNT, AwsError } from '#local/types.ts';

export interface StoredObject {
  readonly body: Buffer;
  readonly contentType: string;
  readonly etag: string;
  readonly lastModified: string;
  /** `x-amz-meta-…` headers. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ObjectStore {
  /** Makes a bucket; its name answers. */
  addBucket(name: string): void;
  hasBucket(name: string): boolean;
  put(bucket: string, key: string, it: Pick<StoredObject, 'body' | 'contentType' | 'metadata'>): StoredObject;
  /** Throws NoSuchBucket or NoSuchKey. */
  get(bucket: string, key: string): StoredObject;
}

/** S3's bucket names: lower case; the stack's name may hold capitals. */
export const bucketName = (stackName: string, logicalId: string): string =>
  `${stackName}-${logicalId}-${ACCOUNT}`.toLowerCase().slice(0, 63);

/** A file name for any key: no slash, no dot-dot, not longer than file systems take. */
function fileOf(key: string): string {
  const plain = encodeURIComponent(key).replaceAll('.', '%2E');
  return plain.length <= 200 ? plain : createHash('sha256').update(key).digest('hex');
}

export function openObjects(folder: string): ObjectStore {
  const buckets = new Set<string>();
  const need = (bucket: string): string => {
    if (!buckets.has(bucket)) throw new AwsError('NoSuchBucket', 'The specified bucket does not exist', 404);
    return join(folder, bucket);
  };
  return {
    addBucket: (name) => void buckets.add(name),
    hasBucket: (name) => buckets.has(name),
    put(bucket, key, { body, contentType, metadata }) {
      const path = join(need(bucket), fileOf(key));
      const etag = `"${createHash('md5').update(body).digest('hex')}"`;
      const about = { contentType, etag, lastModified: new Date().toUTCString(), metadata };
      mkdirSync(join(folder, bucket), { recursive: true });
      // Written beside and renamed: a reader never sees half an object.
      writeFileSync(`${path}~`, body);
      writeFileSync(`${path}.json`, JSON.stringify({ key, ...about }));
      renameSync(`${path}~`, path);
      return { body, ...about };
    },
    get(bucket, key) {
      const path = join(need(bucket), fileOf(key));
      try {
        const { key: _key, ...about } = JSON.parse(readFileSync(`${path}.json`, 'utf8'));
        return { body: readFileSync(path), ...about };
      } catch {
        throw new AwsError('NoSuchKey', 'The specified key does not exist.', 404, { Key: key });
      }
    },
  };
}
