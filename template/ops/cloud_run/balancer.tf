# The way in: one address, HTTPS, and behind it whatever revision of the service is the newest.
resource "google_compute_global_address" "this" {
  name = local.name
}

resource "google_compute_managed_ssl_certificate" "this" {
  name = local.name

  managed {
    domains = [local.values.WEB__HOSTS]
  }
}

resource "google_compute_ssl_policy" "this" {
  name            = local.name
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_region_network_endpoint_group" "this" {
  name                  = local.name
  region                = local.values.REGION
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = local.name
  }
}

resource "google_compute_backend_service" "this" {
  name                  = local.name
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"

  backend {
    group = google_compute_region_network_endpoint_group.this.id
  }
}

resource "google_compute_url_map" "this" {
  name            = local.name
  default_service = google_compute_backend_service.this.id
}

resource "google_compute_target_https_proxy" "this" {
  name             = local.name
  url_map          = google_compute_url_map.this.id
  ssl_certificates = [google_compute_managed_ssl_certificate.this.id]
  ssl_policy       = google_compute_ssl_policy.this.id
}

resource "google_compute_global_forwarding_rule" "this" {
  name                  = local.name
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.this.id
  port_range            = "443"
  target                = google_compute_target_https_proxy.this.id
}

output "address" {
  description = "What the host's name stands for; SERVER__TRUSTED_PROXIES in stages.env names it, too."
  value       = google_compute_global_address.this.address
}
