/** What the agent is told by its pod: environment variables (all from the install manifest) and one mounted file. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';

const Environment = z.object({
  ROADSTEAD_CONFIG_DIR: z.string().min(1),
  SERVICE_ACCOUNT_DIR: z.string().min(1).default('/var/run/secrets/kubernetes.io/serviceaccount'),
  KUBERNETES_SERVICE_HOST: z.string().min(1),
  KUBERNETES_SERVICE_PORT: z.coerce.number().int().min(1).max(65_535).default(443),
  POD_IP: z.string().min(1),
  POD_NAME: z.string().min(1),
  POD_NAMESPACE: z.string().min(1),
  POD_UID: z.string().min(1),
  NODE_NAME: z.string().optional(),
  AGENT_IMAGE: z.string().optional(),
  HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).default(8081),
});

export type Config = z.output<typeof Environment>;

/** Throws with the names of the variables that are missing or wrong; values are not repeated. */
export const readConfig = (environment: Record<string, string | undefined>): Config => {
  const parsed = Environment.safeParse(environment);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`the environment is not the one that the install manifest gives: ${wrong.join('; ')}`);
};

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Addresses that a token is sent to: encrypted, or on this machine alone. */
const addressOf = (what: string, secure: string, plain: string) =>
  z.string().transform((text, context) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol === `${secure}:` || (url?.protocol === `${plain}:` && LOOPBACK.test(url.hostname)))
      return url.href;
    context.addIssue(
      `the ${what}'s address must begin with ${secure}:// (${plain}:// only on loopback): ${text.slice(0, 200)}`,
    );
    return z.NEVER;
  });

/** Where to dial. */
export const SocketUrl = addressOf('socket', 'wss', 'ws');
/** Where the API is, without `/api/v1`. */
export const ApiUrl = addressOf('API', 'https', 'http');

const readAddress = async (config: Config, file: string, address: z.ZodType<string>): Promise<string> => {
  const parsed = address.safeParse((await readFile(join(config.ROADSTEAD_CONFIG_DIR, file), 'utf8')).trim());
  if (parsed.success) return parsed.data;
  throw new Error(parsed.error.issues.map((issue) => issue.message).join('; '));
};

/** Read before each dial: the mount follows the Secret, so a moved control plane is found without a restart. */
export const readSocketUrl = (config: Config): Promise<string> => readAddress(config, 'url', SocketUrl);

/** Read before each call. Without a slash at the end. */
export const readApiUrl = async (config: Config): Promise<string> =>
  (await readAddress(config, 'api', ApiUrl)).replace(/\/$/, '');

/** `sha256:…` of an image named by digest, else nothing. */
export const imageDigest = (image: string | undefined): string | undefined => image?.split('@')[1];
