/**
 * Writes `default-roles.jsonl`, the roles and bindings that every cluster has, from Kubernetes' own list (Apache-2.0):
 * `node local/kubernetes/apiserver/auth/roles-main.ts FOLDER`, the folder plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata of kubernetes/kubernetes.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('name the folder: see the top of this file');
const files = [
  'cluster-roles.yaml',
  'cluster-role-bindings.yaml',
  'namespace-roles.yaml',
  'namespace-role-bindings.yaml',
];
const items = files.flatMap((file) => parse(readFileSync(join(folder, file), 'utf8')).items as unknown[]);
writeFileSync(
  new URL('default-roles.jsonl', import.meta.url),
  `${items.map((item) => JSON.stringify(item)).join('\n')}\n`,
);
