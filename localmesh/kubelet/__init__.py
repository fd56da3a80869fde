"""Pods as processes on loopback."""

from localmesh.kubelet.images import IMAGES, Image
from localmesh.kubelet.kubelet import Kubelet
from localmesh.kubelet.node import NODE_NAME, PrepareProxy

__all__ = ["IMAGES", "NODE_NAME", "Image", "Kubelet", "PrepareProxy"]
