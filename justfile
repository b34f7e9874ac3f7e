# `just` lists what there is to run.
default:
    @just --list

# everything that a change has to pass
ci:
    .ci/run

# what of it needs neither servers nor much time
quick:
    .ci/run quick

# all tests
test:
    cargo test --locked

# clippy and the documentation, warnings denied
lint:
    cargo clippy --all-targets --locked -- -D warnings
    RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --document-private-items --locked

# format the sources
fmt:
    cargo fmt

# the tables of BENCHMARKS.md
bench *ARGS:
    cargo build --release --locked
    scripts/compare {{ARGS}}

# the release build against nginx, caddy, apache2, haproxy and httpbin
interop *ARGS:
    cargo build --release --locked
    scripts/interop {{ARGS}}

# bodies of 5 MB to and from a second set of servers
interop-large *ARGS:
    cargo build --release --locked
    scripts/interop_large {{ARGS}}

# all tests, many times: can they be trusted? (--times 50; --times 20 --busy 2)
trust *ARGS:
    scripts/trust {{ARGS}}

# runs spoilt on purpose: does the verdict name what was done?
faults *ARGS:
    cargo build --release --locked
    scripts/faults {{ARGS}}

# every fuzz target on its seeds and for 20 seconds
fuzz:
    scripts/fuzz-smoke
