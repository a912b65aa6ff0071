// The load generator, in JavaScript: the peers are not there when the repository is type-checked.
import autocannon from 'autocannon';

// How a refusal looks in the answer to a batch, which is 200 as a whole.
const refusedInPlace = '{"error":{';

/**
 * Keeps `connections` busy for `seconds`, going through `bodies` of `batchSize` questions each. Answers the decisions
 * made and refused, the requests answered, and latencies in milliseconds.
 */
export async function load({ url, headers, bodies, batchSize, connections, seconds }) {
  let decided = 0;
  let refused = 0;
  const onResponse = (status, body) => {
    const without = status === 200 ? occurrences(body, refusedInPlace) : batchSize;
    refused += without;
    decided += batchSize - without;
  };
  const result = await autocannon({
    url,
    method: 'POST',
    headers,
    connections,
    duration: seconds,
    requests: bodies.map((body) => ({ body, onResponse })),
  });
  if (result.errors > 0) throw new Error(`${url}: ${result.errors} requests got no answer`);
  const { latency, duration, requests } = result;
  return { answers: requests.total, decided, refused, seconds: duration, p50: latency.p50, p99: latency.p99 };
}

function occurrences(text, part) {
  let count = 0;
  for (let at = text.indexOf(part); at !== -1; at = text.indexOf(part, at + part.length)) count += 1;
  return count;
}
