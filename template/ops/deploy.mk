.PHONY: deploy deploy-check

deploy: ## Roll a stage out: make deploy STAGE=stage IMAGE=registry/name@sha256:...
	@test -n "$(STAGE)" && test -n "$(IMAGE)" || { echo 'make deploy STAGE=stage IMAGE=registry/name@sha256:...'; exit 2; }
	@$(MAKE) --no-print-directory deploy-check
	@sh ops/*/deploy.sh "$(STAGE)" "$(IMAGE)"

deploy-check: ## Say what is still to be filled in before a deployment, STAGE=stage for one alone
	@$(RUN) --no-project python -m dev.placeholders $(STAGE)
