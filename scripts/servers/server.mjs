// As apps.py, on Node: HTTP/1.1, and HTTP/2 in plain text and with TLS.
//
//   node server.mjs PORT-OF-1.1 PORT-OF-2 TLS-PORT CERTIFICATE KEY
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';

const [port1, port2, portTls, certificate, key] = process.argv.slice(2);
const body = fs.readFileSync(process.env.BODY);
const record = fs.openSync(process.env.RECORD, 'a');

function answer(request, response) {
  const digest = crypto.createHash('sha256');
  let received = 0;
  request.on('data', (piece) => {
    received += piece.length;
    digest.update(piece);
  });
  request.on('end', () => {
    const [path, query] = request.url.split('?');
    fs.writeSync(record, JSON.stringify({ query, received, sha256: digest.digest('hex') }) + '\n');
    if (path === '/stream') {
      for (let at = 0; at < body.length; at += 65536) {
        response.write(body.subarray(at, at + 65536));
      }
      response.end();
    } else {
      const whole = path === '/down' ? body : Buffer.from('ok');
      response.setHeader('content-length', whole.length);
      response.end(whole);
    }
  });
}

const tls = { cert: fs.readFileSync(certificate), key: fs.readFileSync(key), allowHTTP1: true };
http.createServer(answer).listen(port1, '127.0.0.1');
http2.createServer(answer).listen(port2, '127.0.0.1');
http2.createSecureServer(tls, answer).listen(portTls, '127.0.0.1');
