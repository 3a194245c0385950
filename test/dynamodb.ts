/** One DynamoDB Local for all files of a project: a JVM takes seconds to start and to warm up, a table milliseconds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startDynamo } from '#local/dynamodb/process.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Its address. */
    dynamodb: string;
  }
}

export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const stateDir = mkdtempSync(join(tmpdir(), 'roadstead-tables-'));
  // Every product has a table of the same name: each asks with a key of its own.
  const child = await startDynamo({ stateDir, apart: true });
  project.provide('dynamodb', child.url);
  return async () => {
    await child.stop();
    rmSync(stateDir, { recursive: true, force: true });
  };
};
