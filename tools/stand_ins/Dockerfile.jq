# A static jq from the distribution's sources.
FROM localhost/mcp-k8s-debian:stand-in AS build
RUN sed 's/^deb /deb-src /' /etc/apt/sources.list >> /etc/apt/sources.list \
    && apt-get update \
    && apt-get install --yes --no-install-recommends autoconf automake dpkg-dev gcc libc6-dev libtool make
WORKDIR /source
RUN apt-get source --tar-only jq libonig \
    && for archive in *.orig.tar.*; do tar -xf "$archive"; done
RUN cd ./*onig*/ && autoreconf -i && ./configure --disable-shared --prefix=/usr && make -j2 install
RUN cd ./jq-*/ && autoreconf -i && ./configure --disable-docs --disable-shared --enable-all-static \
    && make -j2 && strip jq && cp jq /jq

FROM scratch
COPY --from=build /jq /jq
