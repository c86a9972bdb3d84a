# Everything that is done to this project by hand. `just` lists it.

_default:
    @just --list --unsorted

# The gate: formatting, lints, documentation, tests. Edits nothing.
check:
    .ci/check

# The gate, the end-to-end checks and the harnesses, as CI runs them; `just ci release` with the release binary.
ci *PROFILE:
    .ci/run {{ PROFILE }}

# The end-to-end checks alone, or only those named: `just e2e json_round_trip`.
e2e *NAMES:
    cargo build --release --locked
    .ci/e2e {{ NAMES }}

# Cuts the power under the release binary, on a file system of the tests' own; needs root and /dev/fuse.
power-cut CUTS="1000":
    cargo build --release --locked
    .ci/power-cut {{ CUTS }}

# Lets each system call of the release binary fail in turn, or of one scenario: `just faults append`.
faults *NAMES:
    cargo build --release --locked
    .ci/faults {{ NAMES }}

# Plants known bugs, and shows that the tests catch each, or one: `just plants torn-tail`.
plants *NAMES:
    .ci/plants {{ NAMES }}

# Formats the code and applies what clippy can mend.
fix:
    cargo fmt
    cargo clippy --all-targets --locked --fix --allow-dirty --allow-staged
    cargo fmt
    cargo fmt --manifest-path tests/power_cut/Cargo.toml

# Accepts what the tests now print. Golden logs are written only where there is none yet.
bless:
    TRYCMD=overwrite INSTA_UPDATE=always PROGLOG_BLESS=1 cargo test --locked
    git status --short

# Measures the log beside plain programs that do the same work.
bench *ARGS:
    cargo bench --locked {{ ARGS }}

# All harnesses small, or only those named: `just prove kills memory`.
prove *NAMES:
    cargo build --release --locked
    .ci/prove small {{ NAMES }}

# The same in numbers that take hours: 10,000 kills, 20,000 power cuts, every bit, range and cut.
soak *NAMES:
    cargo build --release --locked
    .ci/prove soak {{ NAMES }}

# Threads at one log in many interleavings, chosen by a scheduler.
shuttle SCHEDULES="2000" *NAMES:
    .ci/shuttle {{ SCHEDULES }} {{ NAMES }}

# Hostile directories under a cap on memory.
memory *NAMES:
    cargo build --release --locked
    .ci/memory {{ NAMES }}

# Threads under ThreadSanitizer, the rest under Miri; needs a nightly toolchain, and installs parts of it.
sanitize *NAMES:
    .ci/sanitize {{ NAMES }}

# Every fuzz target for some seconds; needs a nightly toolchain and cargo-fuzz, and installs them.
fuzz SECONDS="20":
    .ci/fuzz {{ SECONDS }}

# Packs dist/proglog-VERSION-TARGET.tar.gz; a static one: `just dist x86_64-unknown-linux-musl`.
dist *TARGET:
    .ci/dist {{ TARGET }}

# Licenses, advisories and duplicates of what we depend on; needs cargo-deny.
deny:
    cargo deny check
