# Internal: reachable only from ftm-batch-sg in the VPC. Plain HTTP, because a certificate needs a domain, which not
# everybody has; the traffic consists of excerpts from published transcripts.

resource "aws_lb" "vllm" {
  # checkov:skip=CKV_AWS_91:No access log: vLLM logs its requests, and the only client is the batch job
  # checkov:skip=CKV_AWS_150:No deletion protection: terraform destroy must work, and the address is found through SSM
  # checkov:skip=CKV2_AWS_20:No redirect to HTTPS: see the comment above
  name                       = "ftm-vllm-alb"
  internal                   = true
  load_balancer_type         = "application"
  security_groups            = [aws_security_group.alb.id]
  subnets                    = local.subnet_ids
  drop_invalid_header_fields = true
  # A request waits in vLLM's queue if many jobs ask at once.
  idle_timeout = 600
}

# Named tg2: a target group cannot change its type, and the first one had the type ip.
resource "aws_lb_target_group" "vllm" {
  # checkov:skip=CKV_AWS_378:HTTP inside the VPC: see the comment above
  name                          = "ftm-vllm-tg2"
  target_type                   = "instance"
  port                          = local.vllm_port
  protocol                      = "HTTP"
  vpc_id                        = data.aws_vpc.this.id
  load_balancing_algorithm_type = "least_outstanding_requests"
  deregistration_delay          = local.deregistration_delay_s

  health_check {
    path                = "/health"
    matcher             = "200"
    interval            = 30
    timeout             = 10
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "http" {
  # checkov:skip=CKV_AWS_2:HTTP inside the VPC: see the comment above
  # checkov:skip=CKV_AWS_103:HTTP inside the VPC: see the comment above
  load_balancer_arn = aws_lb.vllm.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.vllm.arn
  }
}
