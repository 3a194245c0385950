/** The command lines of etcd and kube-apiserver. Pure. */
import { SERVICE_RANGE } from '../apiserver/kinds/service-addresses.ts';
import type { Files } from './files.ts';

const loopback = (port: number): string => `http://127.0.0.1:${port}`;

/** etcd of one member; it must be 3.5.13 or later, since a watch that begins with a list (`sendInitialEvents`) asks it for progress. */
export const etcdFlags = (dataDir: string, ports: { client: number; peer: number }): string[] => [
  `--data-dir=${dataDir}`,
  `--listen-client-urls=${loopback(ports.client)}`,
  `--advertise-client-urls=${loopback(ports.client)}`,
  `--listen-peer-urls=${loopback(ports.peer)}`,
  `--initial-advertise-peer-urls=${loopback(ports.peer)}`,
  `--initial-cluster=default=${loopback(ports.peer)}`,
];

/** kube-apiserver with the rights and tokens of an embedded cluster; secrets stand in files, never here. */
export const apiServerFlags = (files: Files, ports: { secure: number; etcd: number }): string[] => [
  `--etcd-servers=${loopback(ports.etcd)}`,
  '--bind-address=127.0.0.1',
  `--secure-port=${ports.secure}`,
  // Nobody outside asks for the service "kubernetes"; loopback would be refused as an endpoint.
  '--advertise-address=127.0.0.1',
  '--endpoint-reconciler-type=none',
  `--tls-cert-file=${files.servingCert}`,
  `--tls-private-key-file=${files.servingKey}`,
  `--client-ca-file=${files.ca}`,
  '--service-account-issuer=https://kubernetes.default.svc',
  `--service-account-key-file=${files.serviceAccountPublicKey}`,
  `--service-account-signing-key-file=${files.serviceAccountKey}`,
  `--service-cluster-ip-range=${SERVICE_RANGE}`,
  '--authorization-mode=RBAC',
  '--allow-privileged=true',
  `--token-auth-file=${files.tokens}`,
  ...(files.tokenWebhook === undefined
    ? []
    : [
        `--authentication-token-webhook-config-file=${files.tokenWebhook}`,
        '--authentication-token-webhook-version=v1',
        '--authentication-token-webhook-cache-ttl=5s',
      ]),
  // exec, attach, port-forward and logs: it dials the address of the pod's node, where our kubelet listens.
  `--kubelet-client-certificate=${files.kubeletClientCert}`,
  `--kubelet-client-key=${files.kubeletClientKey}`,
  `--kubelet-certificate-authority=${files.ca}`,
  '--kubelet-preferred-address-types=InternalIP',
  '--profiling=false',
];
