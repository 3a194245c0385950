/** Kubeconfigs as text: rendered from what is public about a cluster and one short-lived token, or a command that fetches one (pure). */
import { isPrivateHost } from './private-host.ts';

export interface KubeconfigOf {
  /** `clu_…` or `wsp_…`: keeps the entries of several clusters apart when files are merged. */
  readonly id: string;
  readonly name: string;
  /** API server, `https://…`. */
  readonly endpoint: string;
  /** The namespace that commands are about unless they name one. */
  readonly namespace?: string;
  /** CA bundle, base64 PEM. */
  readonly certificateAuthority: string;
  readonly user:
    | { readonly kind: 'token'; readonly token: string /** RFC 3339. */; readonly expiresAt: string }
    | {
        readonly kind: 'exec';
        /** Where the API is, without `/api/v1`. */
        readonly apiUrl: string;
        /** The route under `/api/v1` that answers an ExecCredential. */
        readonly path: string;
      };
}

/** Every JSON string is a YAML string too, whatever is in it. */
const quoted = (text: string): string => JSON.stringify(text);

/** How often a credential is asked for that is not there yet: each call waits 20 s for the agent (202). */
const TRIES = 3;

/**
 * The command asks for a credential with a token from the environment. It reaches curl through its standard input (`printf` is the shell's own),
 * so that none stands in the file or in an argument list that everybody on the machine can read.
 */
const fetchCredential = (apiUrl: string, path: string): string =>
  [
    `for n in ${Array.from({ length: TRIES }, (_, n) => n + 1).join(' ')}; do`,
    `answer=$(printf 'header = "Authorization: Bearer %s"\n' "$ROADSTEAD_TOKEN" |`,
    `curl -fsS --config - -X POST -H 'content-type: application/json' -d '{}' '${apiUrl}/api/v1/${path}') || exit;`,
    `case $answer in *ExecCredential*) printf %s "$answer"; exit;; esac; done;`,
    `echo 'Roadstead: the agent of this cluster has not answered yet; try again' >&2; exit 1`,
  ].join(' ');

const userLines = ({ user }: KubeconfigOf): string[] =>
  user.kind === 'token'
    ? [`    token: ${quoted(user.token)}`]
    : [
        '    exec:',
        '      apiVersion: client.authentication.k8s.io/v1',
        '      command: sh',
        '      args:',
        '        - -c',
        `        - ${quoted(fetchCredential(user.apiUrl, user.path))}`,
        '      interactiveMode: Never',
        '      provideClusterInfo: false',
        `      installHint: ${quoted('Needs curl, and an access token of Roadstead in the environment variable ROADSTEAD_TOKEN.')}`,
      ];

/** The file's text. With a token it is a secret; with a command it holds none. */
export const renderKubeconfig = (of: KubeconfigOf): string => {
  const { id, name, endpoint, certificateAuthority, user } = of;
  const entry = quoted(`roadstead-${name}`);
  // Clients cache credentials by the user's name (codebases.md 4.2): it must differ from cluster to cluster.
  const userName = quoted(`roadstead-${id}`);
  return `${[
    user.kind === 'token'
      ? `# Roadstead ${id}. The token in it ends at ${user.expiresAt}: fetch this file again, or take ?auth=exec.`
      : `# Roadstead ${id}. kubectl fetches a token when it needs one, with ROADSTEAD_TOKEN from the environment.`,
    ...(isPrivateHost(endpoint)
      ? [
          `# Its address, ${new URL(endpoint).host}, is private: kubectl reaches it from the network of the cluster alone.`,
        ]
      : []),
    'apiVersion: v1',
    'kind: Config',
    'clusters:',
    `  - name: ${entry}`,
    '    cluster:',
    `      server: ${quoted(endpoint)}`,
    `      certificate-authority-data: ${quoted(certificateAuthority)}`,
    'users:',
    `  - name: ${userName}`,
    '    user:',
    ...userLines(of).map((line) => `  ${line}`),
    'contexts:',
    `  - name: ${entry}`,
    '    context:',
    `      cluster: ${entry}`,
    `      user: ${userName}`,
    ...(of.namespace === undefined ? [] : [`      namespace: ${quoted(of.namespace)}`]),
    `current-context: ${entry}`,
  ].join('\n')}\n`;
};
