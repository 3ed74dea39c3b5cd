# ferula - `make help` lists the targets. Everything built goes to build/; compiled code to
# build/$(VARIANT)/.
VARIANT ?= release
B       := build/$(VARIANT)
V       ?=
Q       := $(if $(V),,@)
JOBS    ?= $(shell nproc)

ifeq ($(VARIANT),fuzz)
CC      := clang
CXX     := clang++
else
CC      := gcc
CXX     := g++
endif
PYTHON  ?= /usr/bin/python3
PYTEST  := $(PYTHON) -m pytest -q -p no:cacheprovider
PREFIX  ?= /usr/local
VERSION := $(shell cat VERSION)
REVISION := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

DEPS    := libmicrohttpd libprotobuf-c lmdb jansson re2 yaml-0.1 zlib libxxhash
WARN    := -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla \
           -Wformat=2 -Wconversion -Wno-sign-conversion
CWARN   := -Wstrict-prototypes -Wmissing-prototypes
WERROR  ?=
# PromQL results are compared to the last bit: no fused multiply-add, never -ffast-math.
FLOAT   := -ffp-contract=off -fno-fast-math
OPT_release  := -O2 -g
OPT_asan     := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_tsan     := -O1 -g -fsanitize=thread
OPT_coverage := -O0 -g --coverage
OPT_fuzz     := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
OPT     := $(OPT_$(VARIANT))
INCS    := -Iinclude -Ibuild/gen $(shell pkg-config --cflags $(DEPS) 2>/dev/null)
COMMON  := $(FLOAT) -fno-common -fno-math-errno $(WARN) $(WERROR) $(OPT) -D_GNU_SOURCE $(INCS) -MMD -MP
ALL_CFLAGS   := -std=gnu11 $(COMMON) $(CWARN) $(CFLAGS)
ALL_CXXFLAGS := -std=c++17 $(COMMON) $(CXXFLAGS)
LIBS    := $(shell pkg-config --libs $(DEPS) 2>/dev/null) -lsnappy -lstdc++ -lm -lpthread -ldl

PROTO   := $(wildcard proto/*.proto)
GEN     := $(PROTO:proto/%.proto=build/gen/%.pb-c.c)
SRC     := $(wildcard src/*/*.c)
SRCXX   := $(wildcard src/*/*.cc)
OBJ     := $(SRC:%.c=$(B)/%.o) $(SRCXX:%.cc=$(B)/%.o) $(GEN:build/gen/%.c=$(B)/gen/%.o)
UNIT    := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*/test_*.c))
FUZZ    := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAY  := $(patsubst tests/fuzz/fuzz_%.c,$(B)/tests/fuzz/replay_%,$(wildcard tests/fuzz/fuzz_*.c))
LOAD    := $(wildcard bench/load/*.c)
MICRO   := $(wildcard bench/micro/*.c) bench/load/mix.c
STORIES := $(wildcard bench/autoscale/*.c)
HDR     := $(shell find include -name '*.h' ! -name '*.tbl.h' 2>/dev/null)
FORMAT  := $(filter-out %.tbl.h,$(SRC) $(SRCXX) src/main.c $(HDR) $(wildcard src/*/*.h \
           tests/unit/*/*.[ch] tests/unit/*.[ch] tests/fuzz/*.[ch] tests/promqltest/*.[ch] tests/autoscale-diff/*.[ch] bench/*/*.[ch] \
           tests/fuzz-promql/*.[ch] tests/crash/*.[ch] tests/fault/*.[ch]))

.PHONY: all ferula help setup test test-long demo unit blackbox promqltest fuzz fuzz-corpus \
        fuzz-promql interop crash damage power-cuts faults soak asan tsan valgrind check check-layers \
        check-headers \
        check-magic format format-check tidy coverage bench bench-start bench-compare bench-micro bench-autoscale install clean

all: setup                             ## install what is missing, build the program
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) ferula

ferula: $(B)/ferula                    ## build the program only (no set-up)

help:                                  ## list the targets
	@sed -n 's/^\([a-z_.-]*\):.*## /\1\t/p' Makefile | expand -t 24

setup:                                 ## Debian packages, Go, peers: whatever is missing, once
	$(Q)tools/setup

# ---- building ------------------------------------------------------------------------------
$(B)/ferula: $(B)/src/main.o $(B)/libferula.a
	$(Q)echo "  LINK  $@"; $(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)
$(B)/libferula.a: $(OBJ) $(B)/objects
	$(Q)echo "  AR    $@"; rm -f $@; ar rcs $@ $(OBJ)
# The list of objects, rewritten when it changes: a source file that goes leaves the library, too.
$(B)/objects: FORCE
	$(Q)mkdir -p $(@D); echo '$(sort $(OBJ))' | cmp -s - $@ || echo '$(sort $(OBJ))' > $@
.PHONY: FORCE
$(B)/src/main.o $(B)/src/cli/%.o $(B)/src/api/%.o: CFLAGS += -DFERULA_VERSION='"$(VERSION)"' -DFERULA_REVISION='"$(REVISION)"'
$(B)/%.o: %.c | $(GEN:.c=.h)
	$(Q)mkdir -p $(@D); echo "  CC    $<"; $(CC) $(ALL_CFLAGS) $(CFLAGS) -c -o $@ $<
$(B)/%.o: %.cc
	$(Q)mkdir -p $(@D); echo "  CXX   $<"; $(CXX) $(ALL_CXXFLAGS) -c -o $@ $<
$(B)/gen/%.o: build/gen/%.c
	$(Q)mkdir -p $(@D); echo "  CC    $<"; $(CC) -std=gnu11 $(OPT) $(INCS) -MMD -MP -c -o $@ $<
.SECONDARY: $(GEN) $(GEN:.c=.h)
build/gen/%.pb-c.c build/gen/%.pb-c.h &: proto/%.proto
	$(Q)mkdir -p build/gen; echo "  PROTO $<"; protoc-c --proto_path=proto --c_out=build/gen $<

# A unit test may include the private headers of the module it is named after.
$(B)/tests/unit/%: tests/unit/%.c $(B)/libferula.a
	$(Q)mkdir -p $(@D); echo "  TEST  $@"
	$(Q)$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -Itests/unit -Isrc/$(notdir $(<D)) -o $@ $(filter %.c %.a,$^) $(LIBS) -lcmocka
$(B)/tests/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(B)/libferula.a
	$(Q)mkdir -p $(@D); echo "  FUZZ  $@"
	$(Q)$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -Isrc/ingest -Isrc/promql -Isrc/tsdb -fsanitize=fuzzer,address,undefined -o $@ $(filter %.c %.a,$^) $(LIBS)
# The same target with a main() that runs files: what was found stays fixed, under any compiler.
$(B)/tests/fuzz/replay_%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c $(B)/libferula.a
	$(Q)mkdir -p $(@D); echo "  FUZZ  $@"
	$(Q)$(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -Wno-missing-prototypes -Isrc/ingest -Isrc/promql -Isrc/tsdb -o $@ $^ $(LIBS)
$(B)/promqltest: $(wildcard tests/promqltest/*.c) $(B)/libferula.a
	$(Q)echo "  TEST  $@"; $(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -o $@ $^ $(LIBS) -ljansson
$(B)/autoscale-diff: $(wildcard tests/autoscale-diff/*.[ch]) $(B)/libferula.a
	$(Q)echo "  TEST  $@"; $(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -Isrc/autoscale -o $@ $(filter %.c %.a,$^) $(LIBS) -ljansson
$(B)/fuzz-promql: $(wildcard tests/fuzz-promql/*.[ch]) $(B)/libferula.a
	$(Q)echo "  TEST  $@"; $(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -Wno-missing-prototypes -o $@ $(filter %.c %.a,$^) $(LIBS)
# Prometheus' engine at the other end of two pipes; Go's own cache makes a second build quick.
build/interop/promeval-engine: $(wildcard tests/interop/promeval/engine/*.go tests/interop/promeval/go.*)
	$(Q)echo "  GO    $@"; cd tests/interop/promeval && ../../../tools/go build -o ../../../$@ ./engine
$(B)/bench-load: $(LOAD:%.c=$(B)/%.o) $(B)/libferula.a
	$(Q)echo "  LINK  $@"; $(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)
# A measurement of one part may include its private headers, as a unit test does.
$(B)/bench/micro/%.o: CFLAGS += -Isrc/tsdb
$(B)/bench-micro: $(MICRO:%.c=$(B)/%.o) $(B)/libferula.a
	$(Q)echo "  LINK  $@"; $(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)
$(B)/bench-autoscale: $(STORIES:%.c=$(B)/%.o) $(B)/libferula.a
	$(Q)echo "  LINK  $@"; $(CC) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

# Tests that inject faults from outside: programs, and what is loaded before the C library.
$(B)/lib%.so: tests/crash/%.c
	$(Q)mkdir -p $(@D); echo "  TEST  $@"; $(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -fPIC -shared -Wl,-soname,$(@F) -o $@ $<
$(B)/lib%.so: tests/fault/%.c
	$(Q)mkdir -p $(@D); echo "  TEST  $@"; $(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -fPIC -shared -Wl,-soname,$(@F) -o $@ $<
$(B)/tests/crash/workload: $(addprefix $(B)/tests/crash/,workload.o model.o) $(B)/libferula.a
$(B)/tests/crash/cuts: $(addprefix $(B)/tests/crash/,cuts.o folder.o image.o model.o) $(B)/libferula.a
$(B)/tests/fault/faults: $(addprefix $(B)/tests/,fault/faults.o crash/folder.o crash/model.o) $(B)/libinject.so $(B)/libferula.a
$(B)/tests/crash/workload $(B)/tests/crash/cuts $(B)/tests/fault/faults:
	$(Q)echo "  TEST  $@"; $(CC) $(ALL_CFLAGS) -Wl,-rpath,'$$ORIGIN/../..' -o $@ $^ $(LIBS)
$(B)/tests/fault/%.o: CFLAGS += -Itests/crash
POWER_CUTS := $(addprefix $(B)/tests/crash/,workload cuts) $(B)/libtrace.so
FAULTS     := $(B)/tests/fault/faults $(B)/libinject.so

# ---- tests ---------------------------------------------------------------------------------
test: setup                            ## every test of a change: release and sanitizer builds
	$(Q)tools/test all

test-long: setup                       ## more of the same: TSan, valgrind, fuzzing, crashes, load, for long
	$(Q)tools/test long

unit: ferula $(UNIT)                   ## unit tests (T=name picks)
	$(Q)tools/test stage unit $(B)
blackbox: ferula $(B)/bench-load       ## the real binary, driven by pytest (T=name picks)
	$(Q)tools/test stage blackbox $(B)
promqltest: $(B)/promqltest ferula     ## Prometheus' own PromQL tests and parser cases
	$(Q)tools/test stage promqltest $(B)
fuzz-corpus: $(REPLAY)                 ## the fuzz targets on what is in tests/fuzz/corpus
	$(Q)tools/test stage fuzz-corpus $(B)
fuzz-promql: $(B)/fuzz-promql build/interop/promeval-engine ## random PromQL against Prometheus' engine (FUZZ_PROMQL_N=1000000, FUZZ_PROMQL_SEED=1)
	$(Q)FUZZ_PROMQL_N=$(or $(FUZZ_PROMQL_N),1000000) tools/test stage fuzz-promql $(B)
interop: ferula                        ## real peers: Prometheus, promtool, KEDA's scaler, Go, Python and JavaScript clients
	$(Q)tools/test stage interop $(B)
crash: ferula                          ## kill -9 during ingest (CYCLES=200)
	$(Q)tools/test stage crash $(B)
damage: $(B)/tests/unit/tsdb/test_damage ## 10,000 damaged data files (FILES=n): right data or a clear error
	$(Q)tools/test stage damage $(B)
soak: ferula $(B)/bench-load           ## half an hour (SOAK_S) of load, late samples, queries, restarts: what grows
	$(Q)$(PYTHON) tests/soak/soak.py --ferula $(B)/ferula --load $(B)/bench-load
power-cuts: $(POWER_CUTS)              ## disks as power cuts leave them (CUTS=5000)
	$(Q)tools/test stage power-cuts $(B)
faults: ferula $(FAULTS)               ## the n-th call of a disk, the n-th allocation fails
	$(Q)tools/test stage faults $(B)
.PHONY: fault-build
fault-build: $(POWER_CUTS) $(FAULTS)
demo:                                  ## the walkthrough's story on this machine, about two minutes
	$(Q)tools/setup demo
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) ferula
	$(Q)$(PYTHON) tools/demo.py --ferula $(B)/ferula

asan:                                  ## unit, blackbox, promqltest, fuzz-corpus under ASan + UBSan
	$(Q)$(MAKE) --no-print-directory VARIANT=asan unit blackbox promqltest fuzz-corpus
tsan:                                  ## unit and blackbox tests under the thread sanitizer
	$(Q)$(MAKE) --no-print-directory VARIANT=tsan unit blackbox
valgrind: ferula $(UNIT)               ## unit tests under valgrind
	$(Q)tools/test stage valgrind $(B)
fuzz:                                  ## each fuzz target for FUZZ_S seconds (30)
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) VARIANT=fuzz fuzz-build
	$(Q)for f in tests/fuzz/fuzz_*.c; do n=$$(basename $$f .c); \
	  mkdir -p tests/fuzz/corpus/$$n build/fuzz/new/$$n; \
	  build/fuzz/tests/fuzz/$$n -max_total_time=$(or $(FUZZ_S),30) -timeout=10 -rss_limit_mb=2048 \
	    -artifact_prefix=build/fuzz/ build/fuzz/new/$$n tests/fuzz/corpus/$$n || exit 1; done
.PHONY: fuzz-build
fuzz-build: $(FUZZ)

# ---- checks --------------------------------------------------------------------------------
check: check-layers check-headers check-magic format-check unit ## what a change must pass in a minute
check-layers:                          ## who includes whom, against tools/layers.txt
	$(Q)tools/check-layers
check-headers: $(HDR:%.h=$(B)/%.hdr)   ## every public header compiles alone
$(B)/%.hdr: %.h
	$(Q)mkdir -p $(@D); $(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -Wno-unused-macros -fsyntax-only -xc $< && touch $@
check-magic:                           ## every *_MAGIC number is unique
	@d=$$(grep -rhoE '_MAGIC +(UINT32_C\()?0x[0-9a-f]+' src include | grep -oE '0x[0-9a-f]+' | sort | uniq -d); \
	  [ -z "$$d" ] || { echo "magic numbers used twice: $$d"; exit 1; }
format:                                ## rewrite sources with clang-format
	$(Q)clang-format -i $(FORMAT)
format-check:                          ## fail when `make format` would change a file
	$(Q)echo $(FORMAT) | xargs -n 8 clang-format --dry-run -Werror
tidy: compile_commands.json            ## clang-tidy
	$(Q)echo $(SRC) src/main.c | xargs -n 4 -P $(JOBS) clang-tidy --quiet -p . && echo "tidy: no finding"
compile_commands.json: Makefile $(SRC) | $(GEN)
	$(Q){ echo '['; for f in $(SRC) src/main.c; do \
	  printf '{"directory":"%s","file":"%s","command":"clang %s -c %s"}\n' "$(CURDIR)" "$$f" \
	  '-std=gnu11 -D_GNU_SOURCE $(INCS) -DFERULA_VERSION=__FILE__ -DFERULA_REVISION=__FILE__' "$$f"; done | sed '$$!s/$$/,/'; echo ']'; } > $@
coverage:                              ## unit and blackbox tests; functions that were never called
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) VARIANT=coverage ferula build/coverage/bench-load
	$(Q)$(MAKE) --no-print-directory VARIANT=coverage unit blackbox promqltest
	$(Q)tools/coverage build/coverage

# ---- the rest ------------------------------------------------------------------------------
bench:                                 ## measurements beside peers, one after another; see bench/README.md
	$(Q)for t in start compare micro; do $(MAKE) --no-print-directory bench-$$t || exit 1; done
bench-start: setup                     ## start time and idle memory beside Prometheus and VictoriaMetrics
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) ferula
	$(Q)$(PYTHON) bench/start.py --ferula $(B)/ferula
bench-compare: setup                   ## ingest, memory, disk, restarts and queries beside them (SCENARIOS, PEERS pick)
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) ferula $(B)/bench-load
	$(Q)$(PYTHON) bench/compare.py --ferula $(B)/ferula --load $(B)/bench-load
bench-micro: $(B)/bench-micro          ## the parts alone: decoding, codecs, selecting
	$(Q)$(B)/bench-micro
bench-autoscale: $(B)/bench-autoscale  ## stories and a year of ScaledObjects in virtual time
	$(Q)$(B)/bench-autoscale examples/walkthrough.test.yaml examples/scaled-object.yaml

install: ferula                        ## DESTDIR and PREFIX are honoured
	install -D -m 755 $(B)/ferula $(DESTDIR)$(PREFIX)/bin/ferula
clean:                                 ## remove build/
	rm -rf build compile_commands.json

-include $(shell find $(B) -name '*.d' 2>/dev/null)
