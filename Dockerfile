# An image for local use: the executable with its symbols and assertions of debugging, and the tools to
# build it. docker-compose.yml runs it beside Postgres and DynamoDB. Production has Dockerfile.prod.
ARG BASE=docker.io/library/debian:bookworm-slim
FROM ${BASE}
WORKDIR /src
COPY bin/setup bin/setup
COPY bin/lib/common.sh bin/lib/
COPY docs/page/package.json docs/page/package-lock.json docs/page/
RUN bin/setup --build
COPY . .
RUN bin/build --debug && ln -s /src/build/debug/cruddur /usr/local/bin/cruddur
USER 65532:65532
EXPOSE 4567 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s CMD ["cruddur", "health-check"]
ENTRYPOINT ["cruddur"]
CMD ["serve", "--migrate"]
