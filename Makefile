# Two commands matter: `make run` and `make test`. Each sets up what it needs.
.PHONY: env
env: ## prepare .venv alone
	@tools/env.sh all
