// node worker.js REQUESTS REPLIES: answers each message of the queue REQUESTS with its body in upper case, on the queue
// REPLIES. The variable AMQP_URL names the broker.
import { connect } from 'amqplib';

const [requests, replies] = process.argv.slice(2);
const connection = await connect(process.env.AMQP_URL ?? 'amqp://localhost');
const channel = await connection.createChannel();
await channel.prefetch(64);

const { consumerTag } = await channel.consume(requests, (request) => {
  if (request === null) {
    throw new Error(`queue ${requests} is gone`);
  }
  const { headers, correlationId, messageId, contentType } = request.properties;
  channel.sendToQueue(replies, Buffer.from(request.content.toString().toUpperCase()), {
    contentType,
    // What a worker has to do for tests: the test id comes back, with everything else in the headers, ...
    headers,
    // ... and the reply says which message it answers.
    correlationId: correlationId ?? messageId,
  });
  channel.ack(request);
});

process.once('SIGTERM', async () => {
  await channel.cancel(consumerTag);
  await channel.close();
  await connection.close();
});
