/** The pod of a seat (pure): a closed set of fields, none of which a tenant writes freely (kubernetes.md §5.2, finding 7). */
import type { DesiredSeat, SeatSpec } from '../../contract/seat.ts';
import { RUN_DIR, SCRATCH_DIR, SECRETS_DIR } from './allowed.ts';
import type { Labels } from './labels.ts';
import { claimName, PULL_SECRET, SEAT_ACCOUNT, seatName } from './names.ts';
import type { Profile } from './profile.ts';

/** sshd of the image listens here as uid 1000, which cannot bind 22. */
export const SSH_PORT = 2222;
/** What the person serves; reached by port-forward and by the agent. */
export const HTTP_PORT = 8080;

/** Which secrets are in the environment: another value restarts this pod, and only this one (seed-systems §4.3 H4.2). */
const ENV_SECRETS_ANNOTATION = 'roadstead.dev/env-secrets';
/** How many restarts were asked for. */
const RESTARTS_ANNOTATION = 'roadstead.dev/restarts';

/** Which value of a secret, as one word: two holders may each have one of the same name and number. */
export const secretValue = ({ name, holder, version }: SeatSpec['secrets'][number]): string =>
  `${name}=${holder}/${version}`;

/** The environment variable of a template's parameter: the name as the template writes it. */
export const parameterVariable = (name: string): string => `PARAM_${name}`;

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: unknown;
}

/** The kubelet expands `$(NAME)` in values; what a person typed is never expanded. */
const literal = (name: string, value: string): Variable => ({ name, value: value.replaceAll('$', '$$$$') });

/** Longer than any name of a volume may be, so that none can be taken by one. */
const OWN_VOLUMES = { scratch: 'roadstead-scratch', run: 'roadstead-runtime', secrets: 'roadstead-secrets' } as const;

const byName = <T extends { readonly name: string }>(items: readonly T[]): T[] =>
  [...items].sort((one, other) => (one.name < other.name ? -1 : 1));

const environment = ({ id, team, spec }: DesiredSeat): Variable[] => {
  const { git, owner, parameters, secrets } = spec;
  const told: Readonly<Record<string, string | undefined>> = {
    ROADSTEAD_WORKSPACE: id,
    ROADSTEAD_TEAM: team,
    ROADSTEAD_OWNER: owner,
    ROADSTEAD_RUN_DIR: RUN_DIR,
    ROADSTEAD_SECRETS_DIR: SECRETS_DIR,
    ROADSTEAD_GIT_NAME: git.name,
    ROADSTEAD_GIT_EMAIL: git.email,
    ROADSTEAD_REPOSITORY: git.repository,
    ROADSTEAD_BRANCH: git.branch,
    ROADSTEAD_DOTFILES: git.dotfiles,
  };
  return [
    // Else the login in ~/.claude.json is outside the volume and lost (kubernetes.md §2).
    { name: 'CLAUDE_CONFIG_DIR', value: '/home/node/.claude' },
    ...Object.entries(told).flatMap(([name, value]) => (value === undefined ? [] : [literal(name, value)])),
    ...byName(Object.entries(parameters).map(([name, value]) => literal(parameterVariable(name), value))),
    ...byName(secrets.filter((secret) => secret.as === 'Env')).map(({ name }) => ({
      name,
      valueFrom: { secretKeyRef: { name: seatName(id), key: name, optional: true } },
    })),
  ];
};

const resources = ({ resources: { requests, limits, gpus } }: SeatSpec, { gpuResource }: Profile) => ({
  requests: { cpu: requests.cpu, memory: requests.memory, 'ephemeral-storage': '1Gi' },
  limits: {
    cpu: limits.cpu,
    memory: limits.memory,
    'ephemeral-storage': '8Gi',
    ...(gpus > 0 && gpuResource !== undefined && { [gpuResource]: String(gpus) }),
  },
});

const volumeMounts = ({ volumes }: SeatSpec) => [
  ...volumes
    .flatMap(({ name, mounts }) =>
      mounts.map(({ mountPath, subPath }) => ({ name, mountPath, ...(subPath !== undefined && { subPath }) })),
    )
    .sort((one, other) => (one.mountPath < other.mountPath ? -1 : 1)),
  { name: OWN_VOLUMES.scratch, mountPath: SCRATCH_DIR },
  { name: OWN_VOLUMES.run, mountPath: RUN_DIR },
  { name: OWN_VOLUMES.secrets, mountPath: SECRETS_DIR, readOnly: true },
];

const volumes = (id: string, { volumes: asked }: SeatSpec) => [
  ...byName(asked).map(({ name }) => ({ name, persistentVolumeClaim: { claimName: claimName(name, id) } })),
  { name: OWN_VOLUMES.scratch, emptyDir: { sizeLimit: '2Gi' } },
  { name: OWN_VOLUMES.run, emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
  // 288 is 0440: js-yaml reads 0440 as a decimal (kubernetes.md finding 21). Not optional: a pod whose Secret was taken away waits for the new one,
  // and one that runs keeps the files that it has (docs/adr/0037).
  { name: OWN_VOLUMES.secrets, secret: { secretName: seatName(id), defaultMode: 288 } },
];

const annotations = ({ restarts, secrets }: SeatSpec) => {
  const inEnvironment = byName(secrets.filter((secret) => secret.as === 'Env'));
  return {
    [RESTARTS_ANNOTATION]: String(restarts),
    ...(inEnvironment.length > 0 && {
      [ENV_SECRETS_ANNOTATION]: inEnvironment.map(secretValue).join(' '),
    }),
  };
};

const tcp = (name: string, containerPort: number) => ({ name, containerPort, protocol: 'TCP' });

/** `template` of the StatefulSet. */
export const renderPod = (seat: DesiredSeat, profile: Profile, labels: Labels) => {
  const { id, spec } = seat;
  const { nodeSelector, tolerations, runtimeClassName, pullSecret } = profile;
  return {
    metadata: { labels, annotations: annotations(spec) },
    spec: {
      serviceAccountName: SEAT_ACCOUNT,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 60,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        runAsGroup: 1000,
        fsGroup: 1000,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...(Object.keys(nodeSelector).length > 0 && { nodeSelector }),
      ...(tolerations.length > 0 && { tolerations }),
      ...(runtimeClassName !== undefined && { runtimeClassName }),
      ...(pullSecret && { imagePullSecrets: [{ name: PULL_SECRET }] }),
      containers: [
        {
          name: 'dev',
          image: spec.image,
          // With IfNotPresent a team would run another team's private image without its credentials (kubernetes.md finding 27).
          imagePullPolicy: 'Always',
          ports: [tcp('ssh', SSH_PORT), tcp('http', HTTP_PORT)],
          env: environment(seat),
          resources: resources(spec, profile),
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          startupProbe: { tcpSocket: { port: SSH_PORT }, periodSeconds: 2, failureThreshold: 60 },
          readinessProbe: { tcpSocket: { port: SSH_PORT } },
          volumeMounts: volumeMounts(spec),
        },
      ],
      volumes: volumes(id, spec),
    },
  };
};
