/** Lambda: health, the OpenAPI document and its page, and the `$default` route. */
import { readFile } from 'node:fs/promises';
import { Logger } from '@aws-lambda-powertools/logger';
import release from '../../package.json' with { type: 'json' };
import { newId } from '../lib/deps.ts';
import { readEnv } from '../lib/env.ts';
import { checkReplies } from '../lib/http/live.ts';
import { http } from '../lib/http.ts';
import { app } from './apps/system.ts';

const env = readEnv('http/system');

export const handler = http(
  app({
    log: new Logger({ serviceName: 'system', logLevel: env.LOG_LEVEL }),
    now: () => new Date().toISOString(),
    newId,
    checkReplies: checkReplies(),
    version: release.version,
    readDocsFile: (name) => readFile(new URL(`docs/${name}`, import.meta.url), 'utf8'),
  }),
);
