"""Configurations of servers that pass everything on to another one, and log it
as `METHOD /PATH?QUERY ... STATUS BYTES`. In them @NAME@ stands for a value."""

NGINX = """
daemon off;
worker_processes 1;
pid @DIR@/nginx.pid;
error_log @DIR@/error.log;
events { worker_connections 1024; }
http {
    log_format own '$request $status $body_bytes_sent';
    access_log @LOG@ own;
    client_body_temp_path @DIR@/body;
    proxy_temp_path @DIR@/proxy;
    fastcgi_temp_path @DIR@/fastcgi;
    uwsgi_temp_path @DIR@/uwsgi;
    scgi_temp_path @DIR@/scgi;
    client_max_body_size 0;
    ssl_certificate @CERT@;
    ssl_certificate_key @KEY@;
    server {
        listen 127.0.0.1:@PORT@;
        listen 127.0.0.1:@PORT2@ http2;
        listen 127.0.0.1:@TLS@ ssl http2;
        location / { proxy_pass http://@BACKEND@; proxy_http_version 1.1; }
    }
}
"""

CADDY = """
{
    admin off
    auto_https off
    servers {
        protocols h1 h2 h2c
    }
}
(site) {
    bind 127.0.0.1
    log {
        output file @LOG@
    }
    reverse_proxy @BACKEND@
}
:@PORT@ {
    import site
}
:@TLS@ {
    tls @CERT@ @KEY@
    import site
}
"""

APACHE = """
ServerRoot @DIR@
ServerName localhost
Listen 127.0.0.1:@PORT@
Listen 127.0.0.1:@TLS@
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
User nobody
Group nogroup
PidFile @DIR@/apache2.pid
DefaultRuntimeDir @DIR@
ErrorLog @DIR@/error.log
LogFormat "%r %>s %B" own
CustomLog @LOG@ own
StartServers 1
ServerLimit 2
ThreadsPerChild 64
MaxRequestWorkers 128
Protocols h2 h2c http/1.1
ProxyPass / http://@BACKEND@/
<VirtualHost 127.0.0.1:@TLS@>
    SSLEngine on
    SSLCertificateFile @CERT@
    SSLCertificateKeyFile @KEY@
    ProxyPass / http://@BACKEND@/
</VirtualHost>
"""

HAPROXY = """
global
    # Two threads drop a log line when both write at once.
    nbthread 1
    log stdout format raw local0
defaults
    mode http
    log global
    log-format "%HM %HU %ST %B"
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend plain
    bind 127.0.0.1:@PORT@
    bind 127.0.0.1:@PORT2@ proto h2
    bind 127.0.0.1:@TLS@ ssl crt @PAIR@ alpn h2,http/1.1
    default_backend behind
backend behind
    server behind @BACKEND@
"""

H2O = """
user: root
num-threads: 1
access-log:
    path: @LOG@
    format: "%r %s %b"
listen:
    host: 127.0.0.1
    port: @PORT@
listen:
    host: 127.0.0.1
    port: @TLS@
    ssl:
        certificate-file: @CERT@
        key-file: @KEY@
hosts:
    default:
        paths:
            /:
                proxy.reverse.url: http://@BACKEND@/
"""

LIGHTTPD = """
server.modules = ("mod_accesslog", "mod_proxy", "mod_openssl")
server.document-root = "@DIR@"
server.upload-dirs = ("@DIR@")
server.bind = "127.0.0.1"
server.port = @PORT@
accesslog.filename = "@LOG@"
accesslog.format = "%r %s %b"
proxy.server = ("" => (("host" => "127.0.0.1", "port" => "@BACKEND_PORT@")))
$SERVER["socket"] == "127.0.0.1:@TLS@" {
    ssl.engine = "enable"
    ssl.pemfile = "@CERT@"
    ssl.privkey = "@KEY@"
}
"""

VARNISH = """
vcl 4.1;
backend behind { .host = "127.0.0.1"; .port = "@BACKEND_PORT@"; }
sub vcl_recv { return (pass); }
"""
