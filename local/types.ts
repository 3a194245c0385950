/** The few shapes that the parts of the local AWS share: who calls, what an API answers, what a template's resource becomes. */

/** The account and region that every ARN of the local AWS names. */
export const ACCOUNT = '000000000000';
export const REGION = 'us-east-1';

/** Who signed a request: a role of the template (or one made through it), as STS would print it. */
export interface Caller {
  /** `arn:aws:iam::…:role/NAME`: what policies and trust are looked up by. */
  readonly roleArn: string;
  /** The role session's name: a function's physical name, or what AssumeRole was given. */
  readonly sessionName: string;
  /** `arn:aws:sts::…:assumed-role/NAME/SESSION`. */
  readonly principalArn: string;
}

/** An HTTP request as it reached the endpoint, body read. */
export interface ApiRequest {
  readonly method: string;
  /** Undecoded path, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A request understood: the operation's name as IAM knows it and its input. */
export interface ApiCall<I = Record<string, unknown>> {
  readonly operation: string;
  readonly input: I;
}

/** One question to IAM. A call may ask several: its own action and the dependent ones (`iam:PassRole`, …). */
export interface Check {
  readonly action: string;
  readonly resource: string;
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

export interface ApiReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** One AWS API as the endpoint serves it: found by the service in the SigV4 credential scope, checked, then run. */
export interface AwsApi {
  /** As in the credential scope: `states`, `eks`, `dynamodb`, `execute-api`, … */
  readonly service: string;
  parse(request: ApiRequest): ApiCall;
  /** What IAM must allow before `run`; dependent actions included. */
  checks(call: ApiCall, caller: Caller): readonly Check[] | Promise<readonly Check[]>;
  run(call: ApiCall, caller: Caller, request: ApiRequest): Promise<ApiReply>;
  /** The error in the API's own wire format. */
  fail(error: AwsError): ApiReply;
  /** Condition keys (besides the global ones) that its checks give in `context`; a policy with any other fails the start. `*` at the end: any name. */
  readonly conditionKeys?: readonly string[];
  /** How this API says that IAM refused; AccessDeniedException with 400 where not given. */
  readonly denied?: { readonly code: string; readonly status: number };
  /** Whether an unsigned request is meant for this API (by path or `x-amz-target`); without it unsigned requests are refused. */
  claims?(request: ApiRequest): boolean;
  /** Whether AWS lets anybody make this call unsigned (`InitiateAuth`, JWKS, …). No checks are made then and the caller is `ANONYMOUS`. */
  public?(call: ApiCall): boolean;
}

/** Who makes an unsigned call of a public operation. */
export const ANONYMOUS: Caller = { roleArn: 'anonymous', sessionName: 'anonymous', principalArn: 'anonymous' };

/** An error that an AWS client understands: `code` is the exception's name. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;
  constructor(code: string, message: string, status = 400, fields: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = status;
    this.fields = fields;
  }
}

/** What a resource of the template became: the value of `Ref` and those of `Fn::GetAtt`. */
export interface Physical {
  readonly ref: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/** A declared resource, intrinsics already resolved. */
export interface Declared {
  readonly logicalId: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: CloudFormation properties are open data; each handler reads the ones it knows
  readonly properties: Record<string, any>;
}

/** How one CloudFormation type comes to life here. One file a type under `local/resources`. */
export interface ResourceHandler {
  readonly type: string;
  create(resource: Declared): Promise<Physical> | Physical;
}
