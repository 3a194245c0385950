/** Rules in the manner of widely used definitions (Gateway API, Karpenter, Cluster API, the documentation of Kubernetes): each compiles and holds. */
import { Optional } from '@marcbachmann/cel-js';
import { expect, it } from 'vitest';
import { compile } from '#local/kubernetes/apiserver/cel/compile.ts';
import { celEnvironment } from '#local/kubernetes/apiserver/cel/environment.ts';
import { declareTypes } from '#local/kubernetes/apiserver/cel/schema-types.ts';

const text = { type: 'string' };
const integer = { type: 'integer' };
const object = (properties: object) => ({ type: 'object', properties });
const list = (items: object, more: object = {}) => ({ type: 'array', items, ...more });
const map = (additionalProperties: object) => ({ type: 'object', additionalProperties });

const schema = object({
  l: list(
    object({
      name: text,
      port: integer,
      protocol: text,
      hostname: text,
      tls: object({ mode: text, certs: list(text) }),
    }),
  ),
  s: text,
  strs: list(text),
  m: map(text),
  mm: map(object({ a: integer })),
  ios: { 'x-kubernetes-int-or-string': true },
  t: { ...text, format: 'date-time' },
  d: { ...text, format: 'duration' },
  n: { type: 'number' },
  b: { type: 'boolean' },
  i: integer,
  path: object({ type: text, value: text }),
  filters: list(object({ type: text, requestRedirect: object({ path: text }) })),
  opt: object({ replicas: integer }),
  set1: list(text, { 'x-kubernetes-list-type': 'set' }),
  nul: { ...text, nullable: true },
});
const environment = celEnvironment();
const type = declareTypes(environment, 'Rules', schema).get(schema)!;
environment
  .registerVariable('self', type.name)
  .registerVariable('oldSelf', type.name)
  .registerVariable('old', `optional<${type.name}>`);

const value = {
  l: [
    { name: 'a', port: 1, protocol: 'TCP' },
    { name: 'b', port: 2, protocol: 'HTTPS', hostname: 'h', tls: { mode: 'T', certs: [] } },
  ],
  s: 'x/y',
  strs: ['a.kubernetes.io/x', 'b'],
  m: { k: 'v' },
  mm: { k: { a: 1 } },
  ios: '50%',
  t: '2024-01-01T00:00:00Z',
  d: '90s',
  n: 1.5,
  b: true,
  i: 3,
  path: { type: 'Exact', value: '/a%20b' },
  filters: [{ type: 'A', requestRedirect: {} }],
  opt: {},
  set1: ['a'],
  nul: null,
};

// A rule a line.
const RULES = `
self.l.all(l, l.protocol in ['HTTP', 'TCP', 'UDP'] ? !has(l.tls) : true)
self.l.all(l1, self.l.exists_one(l2, l1.name == l2.name))
self.l.all(l1, self.l.exists_one(l2, l1.port == l2.port && l1.protocol == l2.protocol && (has(l1.hostname) && has(l2.hostname) ? l1.hostname == l2.hostname : !has(l1.hostname) && !has(l2.hostname))))
(self.path.type in ['Exact','PathPrefix']) ? self.path.value.matches(r"""^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$""") : true
!(has(self.filters) && self.filters.exists(f, has(f.requestRedirect) && has(f.requestRedirect.path)))
self.filters.filter(f, f.type == 'RequestHeaderModifier').size() <= 1
self.strs.all(x, x in ["a.kubernetes.io/x", "b"] || !x.find("^([^/]+)").endsWith("kubernetes.io"))
has(self.s) == has(self.d)
type(self.ios) == string ? self.ios == '50%' : self.ios == 42
type(self.ios) == int ? self.ios < 5 : double(self.ios.replace('%', '')) > 0.5
self.t.getFullYear() == 2024 && self.t > timestamp('2020-01-01T00:00:00.00Z')
self.d > duration('1m') && self.d <= duration('1h')
self.strs.all(n, n in ['a.kubernetes.io/x','b']) && size(self.strs) == size(self.l)
self.opt.?replicas.orValue(1) > 0
old.hasValue() ? old.value().i <= self.i : true
!old.hasValue() || old.orValue(self).i <= self.i
self.m.all(k, k.size() < 10 && self.m[k] == 'v')
self.m.map(k, self.m[k]).all(v, v != '')
self.mm.all(k, self.mm[k].a > 0)
'k' in self.m && !('z' in self.m)
self.?m['k'].orValue('') == 'v'
self.m.?k.orValue('') == 'v' && self.m[?'z'].orValue('q') == 'q'
self.l.map(l, l.port).sum() == 3 && self.l.map(l, l.port).isSorted() && self.l.map(l, l.port).max() == 2
self.l[0].name == 'a' && self.l[size(self.l) - 1].name == 'b'
self.nul == null
self.n * 2.0 == 3.0 && double(self.i) > self.n && int(self.n) == 1
self.i % 2 == 1 && -self.i < 0 && self.i / 2 == 1
self.s.split('/')[1] == 'y' && self.s.split('/').size() == 2
self.s.matches('^[a-z]+/[a-z]+$') && !self.s.contains('..')
[self.i, 5].exists(x, x == 3)
self.set1.all(e, e in ['a']) && self.set1 == ['a']
self.l.filter(l, has(l.tls)).all(l, has(l.tls.mode) && l.tls.mode == 'T')
(has(self.opt.replicas) ? self.opt.replicas : 1) == 1
string(self.i) + 'x' == '3x'
self.l.all(l, has(l.tls) || l.protocol != 'HTTPS')
self == oldSelf
self.b && !false || self.i > 100
self.i in [1,2,3] && self.s in ['x/y']
self.l.exists(l, l.name == 'a' && l.port < 10)
oldSelf.l.all(x, x in self.l)
self.strs.map(s, s.split('/')[0]).exists(s, s == 'b')
self.strs.join(',') == 'a.kubernetes.io/x,b'
{'a': 1, 'b': self.i}['b'] == 3
[{'name': 'a'}].all(x, x.name == 'a')
self.l.map(l, {'n': l.name, 'p': l.port}).exists(x, x.n == 'a' && x.p == 1)
self.path == oldSelf.path && self.m == oldSelf.m && self.l == oldSelf.l
self.i > 2 ? self.s == 'x/y' : self.b
size(self.s) == 3 && self.s.size() == 3
!has(self.opt) || !has(self.opt.replicas) || self.opt.replicas > 0
self.d.getSeconds() == 90
self.path.value.substring(0, 1) == '/' && self.path.value.lastIndexOf('%') == 2
duration('1h') + duration('30m') == duration('90m')
self.t + duration('24h') == timestamp('2024-01-02T00:00:00Z')
optional.of(self.i).hasValue() && optional.none().orValue(3) == 3
self.ios == '50%' || (type(self.ios) == int && self.ios > 0)
`;

it.each(RULES.trim().split('\n'))('%s', (rule) => {
  const program = compile(environment, rule);
  const self = type.convert(value);
  expect(program.type).toBe('bool');
  expect(program.evaluate({ self, oldSelf: type.convert(value), old: Optional.of(self) })).toBe(true);
});
