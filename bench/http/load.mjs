// The load generator, in JavaScript: the peers are not there when the repository is type-checked.
import autocannon from 'autocannon';

/** Keeps `connections` busy for `seconds`, going through `bodies`. Answers counts and latencies in milliseconds. */
export async function load({ url, headers, bodies, connections, seconds }) {
  const result = await autocannon({
    url,
    method: 'POST',
    headers,
    connections,
    duration: seconds,
    requests: bodies.map((body) => ({ body })),
  });
  const { latency, duration, non2xx, errors } = result;
  return { answers: result['2xx'], refused: non2xx + errors, seconds: duration, p50: latency.p50, p99: latency.p99 };
}
