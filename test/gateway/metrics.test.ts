import { describe, expect, test } from 'vitest';
import { type Gauges, Metrics, metricsType } from '../../src/gateway/metrics.ts';

/** A value of a metric. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric with its description. */
interface Family {
  readonly name: string;
  readonly type: string;
  unit: string | undefined;
  help: string | undefined;
  readonly samples: Sample[];
}

/** The suffixes of the samples of each type. */
const suffixes: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total'],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
};

/** Returns the metrics of a text. @throws Error if it isn't OpenMetrics 1.0 */
function parsed(text: string): ReadonlyMap<string, Family> {
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.pop() !== '# EOF') throw new Error('The text does not end with # EOF');
  const families = new Map<string, Family>();
  const series = new Set<string>();
  let family: Family | undefined;
  for (const line of lines) {
    const [, word = '', name = '', rest = ''] = /^# (TYPE|UNIT|HELP) ([a-z][a-z0-9_]*) (.+)$/.exec(line) ?? [];
    if (word === 'TYPE') {
      if (families.has(name) || !suffixes[rest]) throw new Error(`Unexpected ${line}`);
      family = { name, type: rest, unit: undefined, help: undefined, samples: [] };
      families.set(name, family);
    } else if (word !== '') {
      if (family?.name !== name || family.samples.length > 0) throw new Error(`Unexpected ${line}`);
      if (word === 'HELP') family.help = rest;
      else if (name.endsWith(`_${rest}`)) family.unit = rest;
      else throw new Error(`${name} does not end with its unit`);
    } else {
      const sample = sampleOf(line);
      const current = family;
      if (!current || !suffixes[current.type]?.some((suffix) => sample.name === current.name + suffix)) {
        throw new Error(`Unexpected ${line}`);
      }
      const id = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
      if (series.has(id)) throw new Error(`Repeated ${line}`);
      series.add(id);
      current.samples.push(sample);
    }
  }
  return families;
}

function sampleOf(line: string): Sample {
  const [, name, labelText = '', number] =
    /^([a-z][a-z0-9_]*)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.exec(line) ??
    [];
  if (name === undefined || number === undefined) throw new Error(`Invalid ${line}`);
  const labels: Record<string, string> = {};
  for (const [, label = '', value = ''] of labelText.matchAll(/([a-z]+)="((?:[^"\\]|\\.)*)"/g)) {
    if (label in labels) throw new Error(`Repeated label in ${line}`);
    labels[label] = value.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
  }
  return { name, labels, value: Number(number) };
}

const none: Gauges = { seats: [], queue: new Map() };

/** Returns the samples of a metric, by its name without the prefix. */
function samplesOf(metrics: Metrics, name: string, gauges = none) {
  return parsed(metrics.text(gauges))
    .get(`cheapestinference_gateway_${name}`)
    ?.samples.map((sample) => [sample.labels, sample.value]);
}

describe('metrics', () => {
  test('are valid before the first request', () => {
    const families = parsed(new Metrics().text(none));
    expect([...families.keys()].map((name) => name.replace('cheapestinference_gateway_', ''))).toEqual([
      'requests',
      'upstream_responses',
      'credit_requests',
      'tokens',
      'seat_busy_seconds',
      'queue_wait_seconds',
      'time_to_first_byte_seconds',
      'queue_length',
      'seat_busy',
      'seat_available',
    ]);
    for (const { name, unit, help } of families.values()) {
      expect(unit).toBe(name.endsWith('_seconds') ? 'seconds' : undefined);
      expect(help).toMatch(/^[A-Z].*\.$/);
    }
    expect(metricsType).toMatch(/^application\/openmetrics-text; version=1\.0\.0/);
  });

  test('count for each combination of labels', () => {
    const metrics = new Metrics();
    for (const [model, status] of [
      ['kimi', 200],
      ['kimi', 200],
      ['kimi', 499],
      ['', 200],
    ] as const) {
      metrics.countRequest(model, status);
    }
    metrics.countAnswer('a', '429');
    metrics.countAnswer('a', 'error');
    metrics.countCredit('kimi');
    metrics.countTokens('kimi', { prompt: 5, completion: 7 });
    metrics.countTokens('kimi', { prompt: 1, completion: 0 });
    metrics.countSeatTime('a', 1.5);
    metrics.countSeatTime('a', 0.25);
    expect(samplesOf(metrics, 'requests')).toEqual([
      [{ model: 'kimi', status: '200' }, 2],
      [{ model: 'kimi', status: '499' }, 1],
      [{ model: '', status: '200' }, 1],
    ]);
    expect(samplesOf(metrics, 'upstream_responses')).toEqual([
      [{ seat: 'a', status: '429' }, 1],
      [{ seat: 'a', status: 'error' }, 1],
    ]);
    expect(samplesOf(metrics, 'credit_requests')).toEqual([[{ model: 'kimi' }, 1]]);
    expect(samplesOf(metrics, 'tokens')).toEqual([
      [{ model: 'kimi', type: 'prompt' }, 6],
      [{ model: 'kimi', type: 'completion' }, 7],
    ]);
    expect(samplesOf(metrics, 'seat_busy_seconds')).toEqual([[{ seat: 'a' }, 1.75]]);
  });

  test.each([
    ['queue_wait_seconds', (metrics: Metrics, seconds: number) => metrics.addQueueWait(seconds)],
    ['time_to_first_byte_seconds', (metrics: Metrics, seconds: number) => metrics.addTimeToFirstByte(seconds)],
  ] as const)('count in %s how many durations were up to each bound', (name, add) => {
    const metrics = new Metrics();
    for (const seconds of [0, 0.005, 0.3, 1, 700]) add(metrics, seconds);
    const samples = samplesOf(metrics, name) ?? [];
    const bounds = samples.slice(0, -2).map(([labels]) => (typeof labels === 'object' ? labels.le : ''));
    expect(bounds).toEqual(
      // The format of numbers of OpenMetrics, which has a decimal point.
      '0.005 0.01 0.025 0.05 0.1 0.25 0.5 1.0 2.5 5.0 10.0 30.0 60.0 120.0 300.0 600.0 +Inf'.split(' '),
    );
    const counts = samples.map(([, value]) => value);
    expect(counts).toEqual([2, 2, 2, 2, 2, 2, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 701.305, 5]);
  });

  test('escape labels', () => {
    const metrics = new Metrics();
    const odd = 'a"b\\c\nd\\n{},=é';
    metrics.countRequest(odd, 200);
    const seats = [{ seat: odd, pool: '"', isBusy: true, isAvailable: false }];
    const gauges: Gauges = { seats, queue: new Map([[odd, 3]]) };
    expect(samplesOf(metrics, 'requests', gauges)).toEqual([[{ model: odd, status: '200' }, 1]]);
    expect(samplesOf(metrics, 'queue_length', gauges)).toEqual([[{ model: odd }, 3]]);
    expect(samplesOf(metrics, 'seat_busy', gauges)).toEqual([[{ seat: odd, pool: '"' }, 1]]);
    expect(samplesOf(metrics, 'seat_available', gauges)).toEqual([[{ seat: odd, pool: '"' }, 0]]);
  });

  test('add up what has the same labels', () => {
    const seat = { seat: 'key', pool: 'kimi', isBusy: true, isAvailable: true };
    const gauges: Gauges = {
      seats: [seat, { ...seat, isBusy: false }],
      queue: new Map([
        [undefined, 2],
        ['', 1],
      ]),
    };
    expect(samplesOf(new Metrics(), 'queue_length', gauges)).toEqual([[{ model: '' }, 3]]);
    expect(samplesOf(new Metrics(), 'seat_busy', gauges)).toEqual([[{ seat: 'key', pool: 'kimi' }, 1]]);
    expect(samplesOf(new Metrics(), 'seat_available', gauges)).toEqual([[{ seat: 'key', pool: 'kimi' }, 2]]);
  });
});
