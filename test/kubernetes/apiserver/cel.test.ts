/** The language of admission policies and of rules in definitions: its functions, its types, its failures. */
import { describe, expect, it } from 'vitest';
import { compile } from '#local/kubernetes/apiserver/cel/compile.ts';
import { celEnvironment } from '#local/kubernetes/apiserver/cel/environment.ts';
import { declareTypes } from '#local/kubernetes/apiserver/cel/schema-types.ts';
import { toCel } from '#local/kubernetes/apiserver/cel/values.ts';

const pod = {
  metadata: { name: 'p', labels: { app: 'x' } },
  spec: { replicas: 3, ratio: 0.5, containers: [{ name: 'a', ports: [] }, { name: 'b' }] },
};
const untyped = celEnvironment().registerVariable('object', 'dyn');
const value = (expression: string) => compile(untyped, expression).evaluate({ object: toCel(pod) });
const failure = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it did not fail');
};

describe('an expression without types', () => {
  it.each([
    'has(object.spec.containers[0].ports) && !has(object.spec.containers[1].ports)',
    "object.metadata.?annotations[?'a'].orValue('none') == 'none'",
    "object.metadata.?labels[?'app'].hasValue()",
    'object.spec.replicas == 3 && object.spec.replicas > 2.5 && object.spec.ratio < 1',
    "object.spec.containers.all(c, c.name in ['a', 'b'])",
    "object.spec.containers.exists_one(c, c.name == 'a')",
    "object.spec.containers.filter(c, !has(c.ports)).map(c, c.name) == ['b']",
    "object.metadata.labels.all(k, k.startsWith('a'))",
    "dyn(object.metadata.labels) == {'app': 'x'}",
    'type(object.spec.replicas) == int && type(object.spec.ratio) == double',
    '(object.spec.containers + object.spec.?initContainers.orValue([])).size() == 2',
    'optional.of(2).optMap(x, x * 2).value() == 4 && !optional.none().optMap(x, x).hasValue()',
    "!optional.ofNonZeroValue('').hasValue()",
    'cel.bind(n, object.spec.replicas, n + n) == 6',
    'false && object.spec.missing || true',
    "object.metadata.labels.all(k, v, k == 'app' && v == 'x') && object.spec.containers.exists(i, c, i == 1 && c.name == 'b')",
    "object.spec.containers.existsOne(c, c.name == 'a') && [3, 4].existsOne(i, n, n - i == 3) == false",
    "[5, 6].transformList(i, n, n > 5, i + n) == [7] && {'a': 1}.transformMap(k, v, v + 1) == {'a': 2}",
    "{'a': 'b'}.transformMapEntry(k, v, {v: k}) == {'b': 'a'}",
    'object.spec.containers.all(i, c, [1, 2].exists(j, n, n == j + 1))',
  ])('%s', (expression) => {
    expect(value(expression)).toBe(true);
  });

  it('says which key is missing', () => {
    expect(failure(() => value('object.spec.missing == 1'))).toBe('no such key: missing');
  });

  it('says where it cannot be read', () => {
    expect(failure(() => value('object.spec ==')).split('\n')[0]).toMatch(/^ERROR: <input>:1:\d+: Syntax error: /);
    expect(failure(() => value('subject.spec'))).toBe(
      "ERROR: <input>:1:1: undeclared reference to 'subject' (in container '')\n | subject.spec\n | ^",
    );
  });

  it('is stopped when its loops become too expensive', () => {
    const program = compile(untyped, 'object.all(a, object.all(b, object.all(c, a + b + c >= 0)))');
    const object = toCel(Array.from({ length: 200 }, (_, i) => i));
    expect(failure(() => program.evaluate({ object }))).toBe('operation cancelled: actual cost limit exceeded');
    expect(compile(untyped, 'object.all(a, object.all(b, a + b >= 0))').evaluate({ object })).toBe(true);
  });

  it('fails on operators that do not fit', () => {
    expect(failure(() => value("object.spec.replicas > 'a'"))).toBe('no such overload');
    expect(failure(() => value("1 + 'a'"))).toContain("no matching overload for '_+_' applied to '(int, string)'");
  });
});

describe('the functions that Kubernetes adds', () => {
  it.each([
    "'a,b'.split(',') == ['a', 'b'] && ['a', 'b'].join('-') == 'a-b'",
    "'abc'.replace('b', 'x') == 'axc' && 'aaa'.replace('a', 'b', 2) == 'bba' && 'abc'.charAt(1) == 'b'",
    "' Ab '.trim().lowerAscii() == 'ab' && 'abc'.indexOf('c') == 2 && 'abc'.substring(1) == 'bc'",
    "'%s has %d of %.2f'.format(['x', 3, 1.5]) == 'x has 3 of 1.50'",
    '[1, 2].isSorted() && [1, 2].sum() == 3 && [3, 1].min() == 1 && [3, 1].max() == 3 && [3, 1].indexOf(1) == 1',
    'sets.contains([1, 2], [2]) && sets.equivalent([1, 2], [2, 1]) && !sets.intersects([1], [2])',
    "'ab12'.find('[0-9]+') == '12' && 'a1b2'.findAll('[0-9]') == ['1', '2'] && 'A'.matches('(?i)^a$')",
    "'x-1'.matches('^[[:alpha:]]-[[:digit:]]$')",
    "isQuantity('500m') && !isQuantity('much') && quantity('500m').compareTo(quantity('1')) == -1",
    "quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('1') == quantity('1000m')",
    "quantity('1').add(quantity('500m')).sub(1) == quantity('500m') && quantity('2k').asInteger() == 2000",
    "isURL('https://a.b/c') && url('https://a.b:8080/c?d=e').getHost() == 'a.b:8080' && !isURL('../c')",
    "url('https://a.b/c?d=e&d=f').getQuery()['d'] == ['e', 'f'] && url('/x').getEscapedPath() == '/x'",
    "ip('192.168.0.1').family() == 4 && ip('::1').isLoopback() && !isIP('fe80::1%eth0') && !isIP('1.2.3')",
    "cidr('10.0.0.0/8').containsIP('10.2.3.4') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))",
    "cidr('fd00::/8').containsCIDR('fd12::/16') && cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8')",
    "format.dns1123Label().validate('A_').hasValue() && !format.dns1123Label().validate('a').hasValue()",
    "timestamp('2024-01-01T00:00:00Z') + duration('1h') == timestamp('2024-01-01T01:00:00Z')",
    "string(duration('90s')) == '90s' && string(timestamp('2024-01-01T00:00:00Z')) == '2024-01-01T00:00:00Z'",
  ])('%s', (expression) => {
    expect(value(expression)).toBe(true);
  });
});

describe('an expression on a schema', () => {
  const text = { type: 'string' };
  const schema = {
    type: 'object',
    properties: {
      count: { type: 'integer' },
      share: { type: 'number' },
      since: { ...text, format: 'date-time' },
      pause: { ...text, format: 'duration' },
      port: { 'x-kubernetes-int-or-string': true },
      tags: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
      crew: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: { type: 'object', properties: { name: text, rank: text } },
      },
      limits: { type: 'object', additionalProperties: text },
      namespace: text,
      'a-b.c/d__e': text,
      maybe: { ...text, nullable: true },
      free: { 'x-kubernetes-preserve-unknown-fields': true },
    },
  };
  const environment = celEnvironment();
  const type = declareTypes(environment, 'Thing', schema).get(schema)!;
  environment.registerVariable('self', type.name).registerVariable('other', type.name);
  const ask = (expression: string, self: object, other: object = {}) =>
    compile(environment, expression).evaluate({ self: type.convert(self), other: type.convert(other) });

  it('has the types of its fields', () => {
    expect(ask('self.count / 2 == 1 && self.share / 2.0 == 0.5', { count: 3, share: 1 })).toBe(true);
    expect(ask("self.since > timestamp('2020-01-01T00:00:00Z')", { since: '2024-01-01T00:00:00Z' })).toBe(true);
    expect(ask("self.pause < duration('1h')", { pause: '30m' })).toBe(true);
    expect(ask("type(self.port) == string ? self.port == '50%' : self.port < 5", { port: 3 })).toBe(true);
    expect(ask("'cpu' in self.limits && self.limits['cpu'] == '1'", { limits: { cpu: '1' } })).toBe(true);
    expect(ask('self.maybe == null', { maybe: null })).toBe(true);
  });

  it('reaches fields whose names are no identifiers', () => {
    const object = { namespace: 'n', 'a-b.c/d__e': 'x' };
    expect(ask("self.__namespace__ == 'n' && self.a__dash__b__dot__c__slash__d__underscores__e == 'x'", object)).toBe(
      true,
    );
  });

  it('compares sets and map lists without regard to their order, and adds by their keys', () => {
    expect(ask('self.tags == other.tags', { tags: ['a', 'b'] }, { tags: ['b', 'a'] })).toBe(true);
    expect(ask('(self.tags + other.tags).size() == 2', { tags: ['a', 'b'] }, { tags: ['a'] })).toBe(true);
    const [ann, bob] = [{ name: 'ann' }, { name: 'bob' }];
    expect(ask('self.crew == other.crew', { crew: [ann, bob] }, { crew: [bob, ann] })).toBe(true);
    expect(ask('self == other', { crew: [ann, bob] }, { crew: [bob, ann] })).toBe(true);
    const merged = "(self.crew + other.crew).map(c, c.rank) == ['cook']";
    expect(ask(merged, { crew: [{ ...ann, rank: 'mate' }] }, { crew: [{ ...ann, rank: 'cook' }] })).toBe(true);
  });

  it.each([
    ['self.masts > 1', "ERROR: <input>:1:5: undefined field 'masts'\n | self.masts > 1\n | ....^"],
    ["self.count == 'a'", "applied to '(int, string)'"],
    ['self.free.x == 1', "undefined field 'free'"],
    ['self.crew.all(c, c.age > 1)', "undefined field 'age'"],
  ])('%s does not compile', (expression, message) => {
    expect(failure(() => compile(environment, expression))).toContain(message);
  });
});
