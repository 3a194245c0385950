/** All functions of the template: invoked by ARN, each with its pool, its role and its log. */
import { randomUUID } from 'node:crypto';
import { devNull } from 'node:os';
import type { Credentials, Invoked } from '#local/plugin.ts';
import { ACCOUNT, AwsError, REGION } from '#local/types.ts';
import { openLog } from './log-file.ts';
import { createPool, type Pool } from './pool.ts';

/** A function as its resource declares it, environment already local. */
export interface FunctionDeclaration {
  readonly logicalId: string;
  readonly name: string;
  readonly roleArn: string;
  readonly folder: string;
  readonly handler: string;
  readonly timeoutSeconds: number;
  readonly memory: number;
  readonly environment: Readonly<Record<string, string>>;
}

export interface LocalFunction {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  readonly timeoutSeconds: number;
  /** Worker threads alive. */
  readonly workers: number;
  invoke(payload: unknown): Promise<Invoked>;
  /** Ends its workers as a crash would. */
  kill(): Promise<void>;
}

/** One invocation, as hooks see it. */
export interface Invocation {
  readonly function: LocalFunction;
  readonly requestId: string;
  readonly payload: unknown;
}

/** Failpoints of tests around each invocation. */
export interface InvokeHooks {
  /** Awaited before the event reaches a worker; what it throws is the function's error. */
  before?(it: Invocation): void | Promise<void>;
  /** Awaited before the caller gets the answer. */
  after?(it: Invocation, answer: Invoked): void | Promise<void>;
}

export interface Functions {
  declare(declaration: FunctionDeclaration): LocalFunction;
  /** By ARN (with or without `:$LATEST`), name or logical id (with or without the CDK's hash); throws ResourceNotFoundException. */
  get(arnOrName: string): LocalFunction;
  all(): readonly LocalFunction[];
  stop(): Promise<void>;
}

export interface FunctionsOptions {
  readonly logDir: string;
  /** Of the endpoint for all AWS APIs. */
  readonly endpoint: string;
  readonly concurrency?: number;
  readonly idleMs?: number;
  readonly hooks?: InvokeHooks;
  credentials(roleArn: string, functionName: string): Credentials;
}

/** The CDK ends logical ids with eight hexadecimal digits. */
const withoutHash = (logicalId: string): string => logicalId.replace(/[0-9A-F]{8}$/, '');

export const functionArn = (name: string): string => `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`;

/** What Lambda adds to a function's own environment. No files of the person's own AWS configuration may reach a function. */
function runtimeEnvironment(it: FunctionDeclaration, endpoint: string, keys: Credentials): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    TZ: ':UTC',
    LANG: 'en_US.UTF-8',
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: it.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(it.memory),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${it.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    LAMBDA_TASK_ROOT: it.folder,
    _HANDLER: it.handler,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    AWS_SESSION_TOKEN: keys.sessionToken,
    AWS_ENDPOINT_URL: endpoint,
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: 'true',
    ...it.environment,
  };
}

export function createFunctions(options: FunctionsOptions): Functions {
  const functions = new Map<string, LocalFunction>();
  const pools: Pool[] = [];
  const { hooks = {} } = options;
  return {
    all: () => [...functions.values()],
    declare(declaration) {
      const { name, roleArn, logicalId, timeoutSeconds } = declaration;
      const arn = functionArn(name);
      const pool = createPool({
        ...declaration,
        functionName: name,
        functionArn: arn,
        environment: runtimeEnvironment(declaration, options.endpoint, options.credentials(roleArn, name)),
        concurrency: options.concurrency ?? 4,
        idleMs: options.idleMs ?? 60_000,
        log: openLog(options.logDir, name),
      });
      pools.push(pool);
      const it: LocalFunction = {
        logicalId,
        name,
        arn,
        roleArn,
        timeoutSeconds,
        get workers() {
          return pool.size;
        },
        async invoke(payload) {
          const invocation: Invocation = { function: it, requestId: randomUUID(), payload };
          let answer: Invoked;
          try {
            await hooks.before?.(invocation);
            answer = await pool.run(payload, invocation.requestId);
          } catch (error) {
            const { name: errorType, message: errorMessage } = error as Error;
            answer = { payload: { errorType, errorMessage, trace: [] }, functionError: 'Unhandled' };
          }
          await hooks.after?.(invocation, answer);
          return answer;
        },
        kill: () => pool.kill(),
      };
      functions.set(arn, it);
      return it;
    },
    get(arnOrName) {
      const plain = arnOrName.replace(/:\$LATEST$/, '');
      const found =
        functions.get(plain) ??
        [...functions.values()].find((it) => [it.name, it.logicalId, withoutHash(it.logicalId)].includes(plain));
      if (found) return found;
      throw new AwsError('ResourceNotFoundException', `Function not found: ${arnOrName}`, 404);
    },
    async stop() {
      await Promise.all(pools.map((pool) => pool.stop()));
    },
  };
}
