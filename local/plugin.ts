/** How a part of the local AWS plugs into the runtime: a factory over a small context, giving APIs, resource handlers and a lifecycle. */
import type { ApiRequest, AwsApi, Caller, Check, ResourceHandler } from './types.ts';

/** What a function answered: its payload, and `functionError` when it threw (the payload is then `{ errorType, errorMessage }`). */
export interface Invoked {
  // biome-ignore lint/suspicious/noExplicitAny: a function's answer is open JSON
  readonly payload: any;
  readonly functionError?: string | undefined;
}

/** Keys as STS hands them out: `accessKeyId` is resolvable at the endpoint until `expiration`. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

/** Who wants to assume a role: another role, or an AWS service by its name (`eks.amazonaws.com`). */
export type Assumer = { readonly caller: Caller } | { readonly service: string };

/** IAM as plugins see it. */
export interface Iam {
  /** Whether the caller's identity policies allow it. */
  allowed(caller: Caller, check: Check): boolean;
  /** Throws `AwsError` (AccessDeniedException with IAM's own sentence) unless allowed; `denied` names another code. */
  authorize(caller: Caller, check: Check, denied?: { readonly code: string; readonly status: number }): void;
  /** Whether the role's trust policy lets `assumer` perform `action` (`sts:AssumeRole`, `sts:TagSession`); false for an unknown role. */
  trusts(roleArn: string, assumer: Assumer, action: string, context?: Check['context']): boolean;
  /** Whether the template (or a plugin) has made this role. */
  hasRole(roleArn: string): boolean;
  /** A role session as a caller. */
  session(roleArn: string, sessionName: string): Caller;
  /** Issues keys for a role session; asks nobody. They survive a restart until they expire. */
  issue(roleArn: string, sessionName: string, seconds: number): Credentials;
  /** Finds who signed a request (header or presigned query); throws `AwsError` for bad, unknown or expired keys and wrong signatures. */
  authenticate(request: ApiRequest): Promise<Caller>;
}

/** What a plugin may use. */
export interface PluginContext {
  /** The runtime's state folder; a plugin makes its own folder in it. */
  readonly stateDir: string;
  /** `http://127.0.0.1:PORT` of the endpoint for all AWS APIs; listening, the same after a restart. */
  readonly endpoint: string;
  /** `http://localhost:PORT` of the port for people (HTTP API, `/ws`). */
  readonly url: string;
  readonly iam: Iam;
  /** Runs a function of the template; IAM is asked for `lambda:InvokeFunction` with `caller` and refuses by `AwsError`. */
  invokeFunction(arn: string, payload: unknown, caller: Caller): Promise<Invoked>;
  /** One line for the person at the terminal. No secrets. */
  log(line: string): void;
}

/** A host of AWS that the template names in values, and the local URL that takes its place. */
export interface HostRewrite {
  /** E.g. `cognito-idp.us-east-1.amazonaws.com`. */
  readonly host: string;
  /** Without trailing slash; takes the place of `https://HOST`. */
  readonly url: string;
}

/** A part of the local AWS. */
export interface Plugin {
  readonly name: string;
  readonly apis?: readonly AwsApi[];
  readonly resources?: readonly ResourceHandler[];
  readonly hosts?: readonly HostRewrite[];
  /** Once every resource of the template exists and functions can be invoked. */
  start?(): Promise<void> | void;
  /** At a clean stop, before functions and table end. */
  stop?(): Promise<void> | void;
}

export type PluginFactory = (context: PluginContext) => Plugin | Promise<Plugin>;
