/** Makes a link with the token that is good now: the current one, the next one after a crash, or the install token, which is traded. */
import { PROTOCOL } from '#core/contract/agent.ts';
import type { Clock } from './clock.ts';
import { type Config, imageDigest, readSocketUrl } from './config.ts';
import { mayDrain } from './drain.ts';
import type { Item, Kubernetes } from './kubernetes/client.ts';
import { type Link, LinkError, openLink, type Push } from './link.ts';
import { type Log, reason } from './log.ts';
import { sha256, type TokenStore } from './tokens.ts';

export interface DialOptions {
  readonly config: Config;
  readonly agentVersion: string;
  readonly kubernetes: Kubernetes;
  readonly tokens: TokenStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly onPush: (push: Push) => void;
  readonly signal: AbortSignal;
}

/** `preferNext`: a rotation was acknowledged, so the next token goes first. Throws LinkError, or what the Kubernetes API refused. */
export type Dial = (preferNext: boolean) => Promise<Link>;

export const dialer = (options: DialOptions): Dial => {
  const { config, agentVersion, kubernetes, tokens, clock, log, onPush, signal } = options;

  const capabilities = async () => {
    const can = await mayDrain(kubernetes, signal).catch((error: unknown) => {
      log('warn', 'own rights could not be asked for', { reason: reason(error) });
      return false;
    });
    return can ? ['cluster.info', 'workspaces', 'drain'] : ['cluster.info', 'workspaces'];
  };

  const introduce = async () => {
    const [version, system, can] = await Promise.all([
      kubernetes.request<{ gitVersion: string }>('GET', '/version', { signal }),
      kubernetes.request<Item>('GET', '/api/v1/namespaces/kube-system', { signal }),
      capabilities(),
    ]);
    const digest = imageDigest(config.AGENT_IMAGE);
    return {
      protocol: { min: PROTOCOL, max: PROTOCOL },
      agentVersion,
      kubernetesVersion: version.gitVersion.slice(0, 64),
      ...(digest === undefined ? {} : { imageDigest: digest }),
      capabilities: can,
      clusterUid: system.metadata.uid,
      podUid: config.POD_UID,
    };
  };

  return async (preferNext) => {
    const [url, hello, known] = await Promise.all([readSocketUrl(config), introduce(), tokens.read()]);

    const open = (token: string, nextTokenHash?: string) =>
      openLink({
        url,
        token,
        hello: nextTokenHash === undefined ? hello : { ...hello, nextTokenHash },
        clock,
        log,
        onPush,
        signal,
      });

    /** Nothing when the token is refused. */
    const attempt = async (token: string) => {
      try {
        return await open(token);
      } catch (error) {
        if (error instanceof LinkError && (error.code === 'Unauthorized' || error.code === 'Revoked')) return undefined;
        throw error;
      }
    };

    const withNext = async (token: string) => {
      const link = await attempt(token);
      // If this fails the token stays where it is and is found again at the next dial.
      if (link) {
        await tokens
          .promote(token)
          .catch((error: unknown) => log('warn', 'the new token is good but was not filed', { reason: reason(error) }));
      }
      return link;
    };
    const withCurrent = async () => (known.current === undefined ? undefined : attempt(known.current));
    const withLeftNext = async () => (known.next === undefined ? undefined : withNext(known.next));

    const link = preferNext
      ? ((await withLeftNext()) ?? (await withCurrent()))
      : ((await withCurrent()) ?? (await withLeftNext()));
    if (link) return link;

    if (known.install === undefined) {
      throw new LinkError(
        'Unauthorized',
        'no token is accepted and there is no install token: make one in Roadstead and apply its manifest',
      );
    }
    // A crash between writing the token and hello leaves the token that was made for this trade: the same hash again is harmless.
    const mine = known.nextFor === sha256(known.install) ? known.next : undefined;
    const next = mine ?? (await tokens.makeNext(known.install));
    const introduction = await open(known.install, sha256(next));
    await introduction.close('traded');
    log('info', 'the install token was traded');
    const traded = await withNext(next);
    if (traded) return traded;
    throw new LinkError('Unauthorized', 'the token that the install token was traded for is refused');
  };
};
