// A server that parses the request, decides nothing and answers JSON of the same shape: what HTTP and JSON alone cost here.
// Prints its port. The sample answer comes as the first argument.
import { createServer } from 'node:http';

const sample = JSON.parse(process.argv[2]);

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const asked = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    const answer = asked.requests ? { decisions: asked.requests.map(decide) } : decide(asked);
    const body = JSON.stringify(answer);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  });
});

function decide({ agent, action }) {
  return { ...sample, agent, action };
}

server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
process.on('SIGTERM', () => process.exit(0));
