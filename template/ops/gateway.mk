# What nginx before the service adds to the commands.
CERTIFICATES ?= .dev/certificates

.PHONY: gateway

gateway: ## Write ops/nginx/routes.conf anew, from what routes declare
	@$(RUN) python -m dev.gateway

up: $(CERTIFICATES)/gateway.pem

# Signed by itself, for this machine only. The container's user must be able to read the key.
$(CERTIFICATES)/gateway.pem:
	@mkdir -p $(CERTIFICATES)
	@openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 \
	  -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
	  -keyout $(CERTIFICATES)/gateway.key -out $@ 2>/dev/null
	@chmod 644 $(CERTIFICATES)/gateway.key
